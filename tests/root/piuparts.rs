//! piuparts, Debian's own judge of installation and removal, on Debian 12 and 13: what a purge leaves behind, what becomes
//! of conffiles, broken links, processes that go on running. Its root has what the package depends on, so that all it finds
//! is the package's. It needs root, and a user namespace does not do; an ordinary user sees these tests as ignored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use libtest_mimic::Trial;
use stackdeb::system::tree;
use support::layers::package_of_version;
use support::{kept, mirror, room, run, text};

pub fn trials() -> Vec<Trial> {
    let trials = vec![
        room::test("piuparts", "debian_12_passes", || passes("bookworm")),
        room::test("piuparts", "debian_13_passes", || passes("trixie")),
        room::test("piuparts", "is_awake", awake),
    ];
    room::unless(room::without_root(), trials)
}

fn passes(suite: &str) {
    let output = piuparts(suite, &package_of_version("1.0.0"));
    let said = text(&output);
    assert!(output.status.success() && said.contains("PASS: Installation and purging test."), "{said}");
}

/// A package that leaves something behind.
fn awake() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("tree/DEBIAN");
    fs::create_dir_all(&control).unwrap();
    let fields = "Package: untidy\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: leaves\n";
    fs::write(control.join("control"), fields).unwrap();
    fs::write(control.join("postinst"), "#!/bin/sh\ntouch /etc/left-behind\n").unwrap();
    run(Command::new("chmod").arg("755").arg(control.join("postinst")));
    let package = folder.path().join("untidy.deb");
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(folder.path().join("tree")).arg(&package));
    let output = piuparts("trixie", &package);
    let said = text(&output);
    assert!(!output.status.success() && said.contains("/etc/left-behind"), "{said}");
}

/// Runs it in a mount namespace of its own, so that nothing it mounts can remain. Its roots are in memory.
fn piuparts(suite: &str, package: &Path) -> Output {
    let (root, work) = (root(suite), tempfile::tempdir().unwrap());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-ec"]);
    command.arg("mount -t tmpfs -o size=2g tmpfs \"$0\"; exec piuparts --tmpdir \"$0\" \"$@\"").arg(work.path());
    command.args(["--no-upgrade-test", "-d", suite, "-e"]).arg(root);
    command.args(["--mirror", &format!("{} main", mirror())]);
    // apt's own, for questions of packages that it never asked.
    command.args(["--ignore-regex", "/var/cache/debconf/tmp[.]ci/?"]);
    command.arg(package).output().expect("tests/setup installs piuparts")
}

/// What a package with HTTPS and Valkey depends on beside that.
const FURTHER: [&str; 3] = ["openssl", "certbot", "redis-server"];

/// A root of that release with all that the package depends on, made once; of Debian 12, also what one with HTTPS and Valkey
/// does.
pub(super) fn root(suite: &str) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap();
    let root = kept().join(format!("piuparts-{suite}"));
    let stamp = kept().join(format!("piuparts-{suite}.depends"));
    let depends = run(Command::new("dpkg-deb").arg("-f").arg(package_of_version("1.0.0")).arg("Depends"));
    // The first of alternatives, without its version: what apt would choose.
    let name = |relation: &str| relation.split(['|', '(', ' ']).next().unwrap().to_owned();
    let mut names: Vec<String> = depends.trim().split(", ").map(name).collect();
    if suite == "bookworm" {
        names.extend(FURTHER.map(str::to_owned));
    }
    let names = names.join(",");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == names) {
        return root;
    }
    tree::remove(&root).unwrap();
    let mut make = Command::new("mmdebstrap");
    make.args(["--variant=minbase", "--quiet", &format!("--include={names}")]);
    run(make.arg(suite).arg(&root).arg(mirror()));
    fs::write(stamp, names).unwrap();
    root
}
