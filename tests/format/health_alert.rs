//! The script that runs an administrator's programs when the health check fails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use support::stack::rendered_file;

#[test]
fn programs_in_the_folder_are_run_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (script, hooks) = (folder.path().join("health-alert"), folder.path().join("hooks"));
    fs::write(&script, rendered_file(folder.path(), "/usr/libexec/guest-book/health-alert")).unwrap();
    fs::create_dir(&hooks).unwrap();
    let told = folder.path().join("told");
    let variables = folder.path().join("alert");
    let alert = |line: Option<&str>| -> (Output, String) {
        _ = fs::remove_file(&told);
        _ = fs::remove_file(&variables);
        if let Some(line) = line {
            let escaped = ['\\', '"', '$', '`']
                .iter()
                .fold(line.to_owned(), |text, character| text.replace(*character, &format!("\\{character}")));
            fs::write(&variables, format!("HEALTH_LINE=\"{escaped}\"\nHEALTH_FAILURES=2\n")).unwrap();
        }
        let mut command = Command::new("sh");
        command.arg(&script).arg(&hooks).arg(&variables).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("MONITOR_SERVICE_RESULT", "timeout");
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
    assert!(said.contains("the check did not finish (timeout): journalctl -u guest-book-health.service"), "{said}");
}
