//! Paths on a booted Debian: where an app may write, and a configuration file that had another name in an earlier package.
//! Checks of `upgrade`, whose machine has the package 1.0.0.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::container::Container;
use support::edition::{edit, edition};
use support::run;
use support::server::Server;
use support::upgrade::{OLD, install};

/// Whose app writes to Flask's instance folder, whose page writes elsewhere, and the package as it was.
const WRITING: &str = "4.0.0";
const STRAYING: &str = "4.1.0";
const BEFORE: &str = "0.9.0";

/// Builds them below `folder`; the last is made of `package`, the package 1.0.0.
pub fn packages(folder: &Path, package: &Path) -> [PathBuf; 3] {
    let relative = |project: &Path| {
        edit(&project.join("app/app.py"), "Flask(__name__)", "Flask(__name__, instance_relative_config=True)");
    };
    let writing = edition(folder, WRITING, |project| {
        relative(project);
        let page = "@app.get(\"/note\")\ndef note():\n    os.makedirs(app.instance_path, exist_ok=True)\n    \
            with open(os.path.join(app.instance_path, \"note\"), \"a\") as note:\n        note.write(\"x\")\n    \
            return app.instance_path\n\n\n@app.get(\"/visits\")";
        edit(&project.join("app/app.py"), "@app.get(\"/visits\")", page);
    });
    let straying = edition(folder, STRAYING, |project| {
        let write = "def healthz():\n    open(os.path.join(app.root_path, \"note\"), \"a\").close()\n";
        edit(&project.join("app/app.py"), "def healthz():\n", write);
    });
    [writing, straying, with_the_old_rules(folder, package)]
}

/// The package with its rules of logrotate where they were before.
fn with_the_old_rules(folder: &Path, package: &Path) -> PathBuf {
    let tree = folder.join("old-rules");
    let _ = fs::remove_dir_all(&tree);
    run(Command::new("dpkg-deb").arg("-R").args([package, &tree]));
    fs::rename(tree.join("etc/logrotate.d/stackdeb-stack"), tree.join("etc/logrotate.d/stack")).unwrap();
    edit(&tree.join("DEBIAN/conffiles"), "/etc/logrotate.d/stackdeb-stack", "/etc/logrotate.d/stack");
    edit(&tree.join("DEBIAN/control"), "Version: 1.0.0", &format!("Version: {BEFORE}"));
    let built = folder.join(format!("stack_{BEFORE}_amd64.deb"));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "-b"]).args([&tree, &built]));
    built
}

pub fn instance_folder(machine: &mut Container) {
    let said = install(machine, WRITING);
    assert!(!said.contains("stack: "), "{said}");
    let folder = "/var/lib/stack/app/instance";
    for _ in 0..2 {
        assert_eq!(machine.get("/note", 200), folder);
    }
    assert_eq!(machine.sh(&format!("cat {folder}/note; stat -c ' %U:%G' {folder}/note")), "xx stack:stack");
}

/// Its other pages answer. The health page does not, and the installation says where the app may write.
pub fn written_elsewhere(machine: &mut Container) {
    let said = install(machine, STRAYING);
    for part in [
        "answers 500 at /healthz",
        "Read-only file system: '/usr/share/stack/note'",
        "an app may write to /var/lib/stack/app ($STATE_DIRECTORY)",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    let said = install(machine, "1.0.0");
    assert!(!said.contains("stack: "), "{said}");
    assert_eq!(machine.get("/", 200), OLD);
    // What the version before has written is still there.
    assert_eq!(machine.sh("cat /var/lib/stack/app/instance/note"), "xx");
}

/// Upgrades from the package whose rules of logrotate had another path, and then to one with the same rules.
pub fn old_rules_give_way(machine: &mut Container) {
    let (old, new) = ("/etc/logrotate.d/stack", "/etc/logrotate.d/stackdeb-stack");
    for edited in [false, true] {
        machine.sh("dpkg --purge stack 2>&1");
        assert_eq!(machine.sh("ls /etc/logrotate.d | grep stack || true"), "", "after purge");
        install(machine, BEFORE);
        machine.sh(&format!("test -e {old} && test ! -e {new}"));
        if edited {
            machine.sh(&format!("sed -i 's/weekly/daily/; 1i # by hand' {old}"));
        }
        let before = machine.sh(&format!("cat {old}"));
        install(machine, "1.0.0");
        assert_eq!(machine.sh("ls /etc/logrotate.d | grep stack"), "stackdeb-stack");
        assert_eq!(machine.sh(&format!("cat {new}")), before, "edited: {edited}");
        // logrotate does not take two rules for one log.
        assert_eq!(machine.sh("logrotate --debug /etc/logrotate.conf 2>&1 | grep -E '^error|duplicate' || true"), "");
        // The next upgrade: what was edited stays, and nothing comes back.
        install(machine, "2.0.0");
        assert_eq!(machine.sh(&format!("cat {new}; ls {old} 2>/dev/null || true")), before);
        let changed = machine.sh("dpkg --verify stack | grep logrotate || true");
        assert_eq!(changed.split_whitespace().last(), edited.then_some(new), "{changed}");
    }
}
