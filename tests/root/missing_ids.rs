//! What `stackdeb image` says to an ordinary user whom neither `/etc/subuid` nor `/etc/subgid` gives a range of ids.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use support::{default_stack, room, text};

use super::sandbox;

pub fn trials() -> Vec<Trial> {
    room::unless(sandbox::without_real_root(), support::tests![both_files_are_named_and_one_command_adds_to_both])
}

fn both_files_are_named_and_one_command_adds_to_both() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    fs::write(folder.path().join("nothing"), "").unwrap();
    let script = "for file in subuid subgid; do mount --bind nothing /etc/$file; done; \
                  exec setpriv --reuid=54321 --regid=54321 --clear-groups env HOME=\"$PWD\" \"$0\" image";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script]).arg(readable_program(folder.path())).current_dir(folder.path());
    let output = command.output().unwrap();
    // The report may be broken at every blank and hyphen.
    let joined = |text: &str| text.split_whitespace().filter(|word| *word != "│").collect::<String>();
    for words in ["/etc/subuid and /etc/subgid", "--add-subuids 100000-165535 --add-subgids 100000-165535 54321"] {
        assert!(joined(&text(&output)).contains(&joined(words)), "`{words}` is missing: {}", text(&output));
    }
}

/// A copy of the program that every user can run.
fn readable_program(folder: &Path) -> PathBuf {
    for name in ["stackdeb", "health-check"] {
        let copy = folder.join(name);
        fs::copy(support::program(name), &copy).unwrap();
        fs::set_permissions(copy, Permissions::from_mode(0o755)).unwrap();
    }
    folder.join("stackdeb")
}
