//! What an administrator's programs are told when the health check fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use support::health::{health_check, program, stdout, write_history};
use support::run;
use support::stack::rendered_file;

/// The value of a variable in the file that a check leaves, as a shell reads it: as systemd does (systemd.exec(5)).
fn variable(file: &Path, name: &str) -> String {
    let script = format!(". \"$0\"; printf %s \"${{{name}-unset}}\"");
    run(Command::new("sh").args(["-euc", &script]).arg(file))
}

#[test]
fn a_check_leaves_what_is_to_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let (alert, history) = (folder.path().join("alert"), folder.path().join("history"));
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (alert_path, history_path) = (path(&alert), path(&history));
    write_history(&history, 5, &[0, 1, 3, 4]);
    let odd = "/no \"where\" $HOME `id` \\ 'x' %n";
    for count in 3..5 {
        let bad = health_check(&["--alert", &alert_path, "--history", &history_path, "--disk", odd]);
        assert_eq!(bad.status.code(), Some(1));
        assert_eq!(format!("<3>{}\n", variable(&alert, "HEALTH_LINE")), stdout(&bad));
        assert!(stdout(&bad).contains(odd));
        assert_eq!(variable(&alert, "HEALTH_FAILURES"), count.to_string());
    }
    assert_eq!(health_check(&["--alert", &alert_path]).status.code(), Some(0));
    assert!(!alert.exists());

    // All is well but for what could not be written.
    assert_eq!(health_check(&["--alert", &alert_path, "--log", "/dev/full"]).status.code(), Some(3));
    assert!(variable(&alert, "HEALTH_LINE").contains(" | cannot write the log /dev/full: "));
    assert_eq!(variable(&alert, "HEALTH_FAILURES"), "unset");

    // A check that is ended leaves nothing that an earlier one has found.
    let mut check = Command::new(program()).args(["--name", "a", "--alert", &alert_path]).spawn().unwrap();
    let begin = std::time::Instant::now();
    while alert.exists() {
        assert!(begin.elapsed().as_secs() < 30);
    }
    check.kill().unwrap();
    check.wait().unwrap();
    assert!(!alert.exists());
}

#[test]
fn programs_in_the_folder_are_run_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (script, hooks) = (folder.path().join("health-alert"), folder.path().join("hooks"));
    fs::write(&script, rendered_file(folder.path(), "/usr/libexec/guest-book/health-alert")).unwrap();
    fs::create_dir(&hooks).unwrap();
    let told = folder.path().join("told");
    let alert = |line: Option<&str>| -> (Output, String) {
        _ = fs::remove_file(&told);
        let mut command = Command::new("sh");
        command.arg(&script).arg(&hooks).env_clear().env("PATH", "/usr/bin:/bin").env("HEALTH_FAILURES", "2");
        command.envs(line.map(|line| ("HEALTH_LINE", line))).env("MONITOR_SERVICE_RESULT", "timeout");
        let output = command.output().unwrap();
        (output, fs::read_to_string(&told).unwrap_or_default())
    };
    let line = "CPU: 1.0% | UNHEALTHY: \"$HOME\" `id` \\n";
    let (output, said) = alert(Some(line));
    assert!(output.status.success() && said.is_empty(), "an empty folder: {}", support::text(&output));

    let hook = |name: &str, text: &str, mode: u32| {
        fs::write(hooks.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let tell = |who: &str| {
        let told = told.display();
        format!(
            "read -r line; printf '%s\\n' \"{who} $HEALTH_NAME $HEALTH_FAILURES\" \"$line\" \"$HEALTH_LINE\" >>{told}"
        )
    };
    hook("10-first", "exit 3", 0o755);
    hook("20-mail", &tell("mail"), 0o755);
    hook("30-deaf", "exec <&-; sleep 0.2", 0o755);
    hook("20-mail.dpkg-old", &tell("old"), 0o755);
    hook("20-mail~", &tell("backup"), 0o755);
    hook("40-off", &tell("off"), 0o644);
    fs::create_dir(hooks.join("50-folder")).unwrap();
    let (output, said) = alert(Some(line));
    assert_eq!(output.status.code(), Some(1));
    assert!(support::text(&output).contains("10-first ended with 3"), "{}", support::text(&output));
    assert_eq!(said, format!("mail guest-book 2\n{line}\n{line}\n"));

    fs::remove_file(hooks.join("10-first")).unwrap();
    let (output, said) = alert(None);
    assert!(output.status.success(), "{}", support::text(&output));
    assert!(
        said.contains("the check did not come to its end (timeout): journalctl -u guest-book-health.service"),
        "{said}"
    );
}
