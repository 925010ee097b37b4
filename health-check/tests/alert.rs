//! What an administrator's programs are told when the health check fails.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use support::run;

use surroundings::{health_check, program, stdout, write_history};

pub fn trials() -> Vec<Trial> {
    support::tests![a_check_leaves_what_is_to_be_told]
}

/// The value of a variable in the file that a check leaves, as a shell reads it: as systemd does (systemd.exec(5)).
fn variable(file: &Path, name: &str) -> String {
    let script = format!(". \"$0\"; printf %s \"${{{name}-unset}}\"");
    run(Command::new("sh").args(["-euc", &script]).arg(file))
}

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

    // All is well, except what could not be written.
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
