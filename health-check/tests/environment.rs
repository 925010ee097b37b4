//! The variables of an environment file, for scripts of root that must not run with all of them.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;
use support::run;

use surroundings::{program, run_bounded, stderr, stdout};

pub fn trials() -> Vec<Trial> {
    support::tests![only_the_named_variables_are_printed, a_file_that_cannot_be_read_is_an_error]
}

/// What systemd.exec(5) says of the file, and each value as systemd 252 and 257 give it to a program.
const FILE: &str = "# A='comment'\n; B=comment\n\n  A = one two  \nB=\"say \\\"hi\\\" for 5\\$ \\\\ \\`now\\` \\x\"\n\
                    C='it is $HOME'' and' \"more\"\nD=joined \\\nline\nE=\nA=\"second \"\nLD_PRELOAD=/tmp/evil.so\n\
                    not a variable\n9F=digit\nG=a \"b\" 'c' # d\nH=\"two\nlines\"\nI=last \\";

fn variables(names: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.env");
    fs::write(&file, FILE).unwrap();
    let output = run_bounded(Command::new(program()).args(["variables", "--file"]).arg(&file).args(names));
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

fn only_the_named_variables_are_printed() {
    let printed = variables(&["A", "B", "C", "D", "E", "G", "H", "I", "MISSING"]);
    assert!(!printed.contains("LD_PRELOAD") && !printed.contains("MISSING"), "{printed}");
    // A shell reads such lines as systemd does.
    for (name, value) in [
        ("A", "second "),
        ("B", "say \"hi\" for 5$ \\ `now` \\x"),
        ("C", "it is $HOME andmore"),
        ("D", "joined line"),
        ("E", ""),
        ("G", "a \"b\" 'c' # d"),
        ("H", "two\nlines"),
        ("I", "last "),
    ] {
        let script = format!("{printed}\nprintf %s \"${name}\"");
        assert_eq!(run(Command::new("sh").args(["-euc", &script])), value, "{name} in\n{printed}");
    }
}

fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.env");
    let ask = || run_bounded(Command::new(program()).args(["variables", "A", "--file"]).arg(&file));
    assert_eq!((ask().status.code(), stdout(&ask()).as_str()), (Some(0), ""));
    fs::write(&file, b"A=secret\xff\n").unwrap();
    assert_eq!((ask().status.code(), stdout(&ask()).as_str()), (Some(1), ""));
    assert!(stderr(&ask()).contains("line 1 is not UTF-8") && !stderr(&ask()).contains("secret"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(stderr(&ask()).contains("it is not a file"), "{}", stderr(&ask()));
}
