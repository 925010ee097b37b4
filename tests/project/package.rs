//! The package of the stack that ships with the project, as its users and its judges see it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use libtest_mimic::Trial;
use support::readers::{libarchive, python_debian};
use support::room::in_namespaces;
use support::{default_stack, inside, kept, made, run, stackdeb};

pub fn trials() -> Vec<Trial> {
    let first = support::tests![
        the_link_names_the_package,
        three_independent_readers_say_the_same,
        a_new_project_builds_at_once,
        another_folder_umask_zone_locale_and_clock_give_the_same_bytes,
        source_date_epoch_is_the_time_of_everything
    ];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![lintian_of_debian_12_and_13_has_nothing_to_say, lintian_is_awake]))
        .collect()
}

/// The default stack's package, built by whichever test comes first.
fn package() -> PathBuf {
    let folder = made("package", &support::inputs(), |folder| {
        default_stack(folder);
        run(stackdeb().arg("deb").current_dir(folder));
    });
    folder.join("dist/stack_1.0.0_amd64.deb")
}

fn the_link_names_the_package() {
    let package = package();
    let dist = package.parent().unwrap();
    assert_eq!(fs::read_link(dist.join("stack.deb")).unwrap(), Path::new("stack_1.0.0_amd64.deb"));
    assert!(package.is_file());
    let mut names: Vec<_> = fs::read_dir(dist).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["stack.deb", "stack_1.0.0_amd64.deb"]);
}

/// Path, size and link target of everything in `data.tar`, and the fields but the description, whose form differs.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    contents: BTreeSet<(String, String, String)>,
    fields: BTreeSet<(String, String)>,
}

impl Said {
    /// Sorts what the program `readers` prints of one library.
    fn by_library(text: &str) -> Self {
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let data = rows.iter().filter(|row| row[0] == "data");
        let field = rows.iter().filter(|row| row[0] == "field" && row[1] != "Description");
        Self {
            contents: data.map(|row| (row[1].trim_end_matches('/').into(), row[4].into(), row[5].into())).collect(),
            fields: field.map(|row| (row[1].into(), row[2].into())).collect(),
        }
    }

    fn by_dpkg_deb(package: &Path) -> Self {
        let contents = run(Command::new("dpkg-deb").arg("--contents").arg(package));
        let entry = |line: &str| {
            let mut words = line.split_whitespace();
            let size = words.nth(2).unwrap().to_owned();
            let name = words.nth(2).unwrap().trim_end_matches('/').to_owned();
            (name, size, words.nth(1).unwrap_or_default().to_owned())
        };
        let fields = run(Command::new("dpkg-deb").arg("--field").arg(package));
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields = fields.lines().filter(|line| !line.starts_with(' ')).filter_map(field);
        Self {
            contents: contents.lines().map(entry).collect(),
            fields: fields.filter(|(name, _)| name != "Description").collect(),
        }
    }
}

fn three_independent_readers_say_the_same() {
    let package = package();
    let said = Said::by_dpkg_deb(&package);
    assert!(said.contents.iter().any(|(path, _, _)| path == "./usr/share/stack/app.py"), "{said:?}");
    assert!(said.fields.contains(&("Package".to_owned(), "stack".to_owned())), "{said:?}");
    assert_eq!(said, Said::by_library(&python_debian(&package)));
    assert_eq!(said, Said::by_library(&libarchive(&package)));
}

fn a_new_project_builds_at_once() {
    let folder = tempfile::tempdir().unwrap();
    run(stackdeb().args(["new", "guest-book"]).current_dir(folder.path()));
    let project = folder.path().join("guest-book");
    run(stackdeb().arg("deb").current_dir(&project));
    let field = run(Command::new("dpkg-deb").arg("--field").arg(project.join("dist/guest-book.deb")).arg("Package"));
    assert_eq!(field.trim(), "guest-book");
}

fn another_folder_umask_zone_locale_and_clock_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
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
    assert!(fs::read(package()).unwrap() == fs::read(second).unwrap(), "the packages differ");
}

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

fn lintian_of_debian_12_and_13_has_nothing_to_say() {
    lintian_is_silent(&package(), &[]);
}

/// Asks the lintian of each release about a package, and passes over these tags as well.
#[track_caller]
pub(super) fn lintian_is_silent(package: &Path, more: &[(&str, &str)]) {
    for (suite, passed_over) in PASSED_OVER {
        let tags: Vec<&str> = passed_over.iter().chain(more).map(|(tag, _reason)| *tag).collect();
        let arguments = ["--pedantic", "-I", "-E", "--fail-on", "error,warning", "--suppress-tags", &tags.join(",")];
        let output = lintian(suite, &arguments, package);
        let said = support::text(&output);
        // It complains about being run by root, whatever the package is.
        let notable: Vec<&str> = said.lines().filter(|line| !line.contains("running with root privileges")).collect();
        assert!(output.status.success() && notable.is_empty(), "lintian of {suite}: {}\n{said}", output.status);
    }
}

/// Runs the lintian of a release: this machine's own, where it is of that release.
fn lintian(suite: &str, arguments: &[&str], package: &Path) -> Output {
    let system = fs::read_to_string("/etc/os-release").unwrap();
    if system.lines().any(|line| line == format!("VERSION_CODENAME={suite}")) {
        return Command::new("lintian").args(arguments).arg(package).output().unwrap();
    }
    let root = lintian_root(suite);
    let there = tempfile::Builder::new().prefix("judged").suffix(".deb").tempfile_in(root.join("tmp")).unwrap();
    fs::copy(package, there.path()).unwrap();
    let path = Path::new("/").join(there.path().strip_prefix(&root).unwrap());
    inside(&root).arg("lintian").args(arguments).arg(path).output().unwrap()
}

/// Tags that one release's lintian has and the other has not, or not always: an override of an unknown or absent tag is
/// itself a fault, so the package cannot carry one. Each with its reason.
pub(super) const PASSED_OVER: [(&str, &[(&str, &str)]); 2] =
    [("bookworm", &[ALTERNATIVE_INIT, SPELLING]), ("trixie", &[SPELLING])];
const ALTERNATIVE_INIT: (&str, &str) = (
    "package-supports-alternative-init-but-no-init.d-script",
    "the package is made for systemd: socket activation and notification have no counterpart in init scripts",
);
const SPELLING: (&str, &str) =
    ("spelling-error-in-binary", "machine code that happens to look like a word; it comes and goes with the compiler");

fn lintian_is_awake() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    run(Command::new("dpkg-deb").arg("-R").arg(package()).arg(&tree));
    fs::remove_file(tree.join("usr/share/doc/stack/copyright")).unwrap();
    let bad = folder.path().join("bad.deb");
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&tree).arg(&bad));
    for (suite, _) in PASSED_OVER {
        let said = support::text(&lintian(suite, &[], &bad));
        assert!(said.contains("no-copyright-file"), "lintian of {suite}: {said}");
    }
}

/// A root of that release with its lintian, made once, by whichever test comes first.
pub(super) fn lintian_root(suite: &str) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap();
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
