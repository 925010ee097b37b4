//! The package of the stack that ships with the project, as its users and its judges see it.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{default_stack, kept, run, stackdeb};

/// Builds the default stack's package in a new folder.
fn build(folder: &Path) -> PathBuf {
    default_stack(folder);
    run(stackdeb().arg("deb").current_dir(folder));
    folder.join("dist/stack_1.0.0_amd64.deb")
}

#[test]
fn the_link_names_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    assert_eq!(fs::read_link(folder.path().join("dist/stack.deb")).unwrap(), Path::new("stack_1.0.0_amd64.deb"));
    assert!(package.is_file());
    let mut names: Vec<_> = fs::read_dir(folder.path().join("dist")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["stack.deb", "stack_1.0.0_amd64.deb"]);
}

#[test]
fn another_folder_umask_zone_locale_and_clock_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let first = build(&folder.path().join("one"));
    let other = folder.path().join("another/and a longer one");
    default_stack(&other);
    for entry in ["app/app.py", "stack.toml"] {
        run(Command::new("touch").args(["-d", "2001-01-01"]).arg(other.join(entry)));
    }
    let script = "umask 077; chmod -R go= app; TZ=Pacific/Kiritimati LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 \
                  exec faketime '2031-05-06 07:08:09' \"$0\" deb";
    run(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(&other));
    let second = other.join("dist/stack_1.0.0_amd64.deb");
    assert_eq!(fs::metadata(&second).unwrap().mode() & 0o777, 0o600, "the umask was not in force");
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "the packages differ");
}

#[test]
fn source_date_epoch_is_the_time_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    run(stackdeb().arg("deb").current_dir(folder.path()).env("SOURCE_DATE_EPOCH", "1700000000"));
    let package = folder.path().join("dist/stack_1.0.0_amd64.deb");
    let list = run(Command::new("dpkg-deb").arg("--contents").arg(&package).env("TZ", "UTC"));
    let late: Vec<&str> = list.lines().filter(|line| !line.contains(" 2023-11-14 22:13 ")).collect();
    assert_eq!(late, Vec::<&str>::new());
    let members = run(Command::new("ar").arg("tv").arg(&package).env("TZ", "UTC"));
    assert_eq!(members.matches("Nov 14 22:13 2023").count(), 3, "{members}");
}

#[test]
fn lintian_of_debian_12_and_13_has_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    for (suite, passed_over) in PASSED_OVER {
        let root = lintian_root(suite);
        fs::copy(&package, root.join("tmp/stack.deb")).unwrap();
        let tags: Vec<&str> = passed_over.iter().map(|(tag, _reason)| *tag).collect();
        let mut lintian = enter(&root);
        lintian.args(["lintian", "--pedantic", "-I", "-E", "--fail-on", "error,warning"]);
        let output = lintian.args(["--suppress-tags", &tags.join(","), "/tmp/stack.deb"]).output().unwrap();
        let said = support::text(&output);
        // It complains about being run by root, whatever the package is.
        let notable: Vec<&str> = said.lines().filter(|line| !line.contains("running with root privileges")).collect();
        assert!(output.status.success() && notable.is_empty(), "lintian of {suite}: {}\n{said}", output.status);
    }
}

/// Tags that one release's lintian has and the other has not, or not always: an override of an unknown or absent tag is
/// itself a fault, so the package can't carry one. Each with its reason.
const PASSED_OVER: [(&str, &[(&str, &str)]); 2] =
    [("bookworm", &[ALTERNATIVE_INIT, SPELLING]), ("trixie", &[SPELLING])];
const ALTERNATIVE_INIT: (&str, &str) = (
    "package-supports-alternative-init-but-no-init.d-script",
    "the package is made for systemd: socket activation and notification have no counterpart in init scripts",
);
const SPELLING: (&str, &str) =
    ("spelling-error-in-binary", "machine code that happens to look like a word; it comes and goes with the compiler");

#[test]
fn lintian_is_awake() {
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    let tree = folder.path().join("tree");
    run(Command::new("dpkg-deb").arg("-R").arg(&package).arg(&tree));
    fs::remove_file(tree.join("usr/share/doc/stack/copyright")).unwrap();
    for (suite, _) in PASSED_OVER {
        let root = lintian_root(suite);
        run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&tree).arg(root.join("tmp/bad.deb")));
        let output = enter(&root).args(["lintian", "/tmp/bad.deb"]).output().unwrap();
        assert!(support::text(&output).contains("no-copyright-file"), "lintian of {suite}: {}", support::text(&output));
    }
}

/// A root of that release with its lintian, made once.
fn lintian_root(suite: &str) -> PathBuf {
    let root = kept().join(format!("lintian-{suite}"));
    if root.join("usr/bin/lintian").exists() {
        return root;
    }
    let unfinished = kept().join(format!("lintian-{suite}.unfinished"));
    let _ = fs::remove_dir_all(&unfinished);
    let mut make = Command::new("mmdebstrap");
    make.args(["--variant=apt", "--include=lintian", "--quiet", suite]).arg(&unfinished).arg(support::mirror());
    run(&mut make);
    fs::rename(&unfinished, &root).unwrap();
    root
}

/// A command inside that root, in a mount namespace of its own, with nothing of the host's `/dev`.
fn enter(root: &Path) -> Command {
    let script = "mount -t proc proc \"$0/proc\"; mount -t tmpfs tmpfs \"$0/dev\"; mknod -m 666 \"$0/dev/null\" c 1 3; \
                  export LC_ALL=C.UTF-8 PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root; exec chroot \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "sh", "-ec", script]).arg(root);
    command
}
