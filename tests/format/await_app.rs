//! What await-app says about an app that does not start: the program itself, with stand-ins for systemctl and journalctl.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::stack::rendered_file;

/// What await-app prints when the unit has failed and the journal has these lines.
fn said(journal: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let program = write("await-app", &rendered_file(folder.path(), "/usr/libexec/guest-book/await-app"));
    write("systemctl", "#!/bin/sh\nprintf 'ActiveState=failed\\nSubState=failed\\nNRestarts=0\\n'\n");
    write("text", journal);
    let script = "#!/bin/sh\ncase \"$*\" in\n--sync) ;;\n*--since=@1795428000*) cat \"${0%/*}/text\" ;;\nesac\n";
    write("journalctl", script);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = Command::new("python3").arg(program).arg("1795428000").env("PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn the_apps_own_error_is_the_reason() {
    // The lines are what Gunicorn 23 writes.
    let missing = "[INFO] Booting worker with pid: 7\nFailed to find attribute 'nothere' in 'app'.\n\
                   [INFO] Worker exiting (pid: 7)\n\
                   gunicorn.errors.HaltServer: <HaltServer 'App failed to load.' 4>\n";
    let words = said(missing);
    assert!(
        words.contains("Failed to find attribute 'nothere' in 'app'.") && words.contains("[app] module"),
        "{words}"
    );
    assert!(!words.contains("HaltServer"), "{words}");

    let read_only = "Traceback (most recent call last):\n  File \"/usr/share/guest-book/app.py\", line 4, in <module>\n\
                     \x20   os.makedirs(app.instance_path)\nOSError: [Errno 30] Read-only file system: '/usr/var'\n\
                     [ERROR] Worker (pid:7) exited with code 3.\n";
    let words = said(read_only);
    for word in ["Read-only file system: '/usr/var'", "/var/lib/guest-book/app", "STATE_DIRECTORY"] {
        assert!(words.contains(word), "`{word}` is missing: {words}");
    }

    let asgi = "Traceback (most recent call last):\nTypeError: FastAPI.__call__() missing 1 required positional \
                argument: 'send'\n";
    assert!(said(asgi).contains("ASGI"), "{}", said(asgi));
    let module = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'flask_wtf'\n";
    assert!(said(module).ends_with("No module named 'flask_wtf'"), "{}", said(module));
}

#[test]
fn a_journal_without_a_reason_adds_nothing_and_no_escape_gets_through() {
    assert_eq!(said("[INFO] Starting gunicorn\n"), "it ended instead of serving");
    let words = said("ValueError: \u{1b}[31mred\u{7}\n");
    assert!(words.contains("ValueError") && !words.contains('\u{1b}') && !words.contains('\u{7}'), "{words:?}");
}
