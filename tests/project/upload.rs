//! `stackdeb deb --changes`: what dput, lintian and python3-debian say of the files that it writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{default_stack, run, stackdeb, text};

use super::package::PASSED_OVER;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        dput_uploads_what_the_changes_file_names_and_lintian_has_nothing_to_say,
        the_same_project_gives_the_same_files_anywhere_and_at_any_time,
        an_epoch_and_another_distribution_are_in_both_files,
        what_cannot_be_written_is_refused_before_anything_is
    ]
}

/// Prints the distribution, and what was installed where the package was built. Whatever the files say of others is compared
/// with these.
const PYTHON: &str = r"
import hashlib, os, sys
from debian.deb822 import BuildInfo, Changes
folder = os.path.dirname(sys.argv[1])
def check(name, size, algorithm, digest):
    content = open(os.path.join(folder, name), 'rb').read()
    assert len(content) == int(size) and hashlib.new(algorithm, content).hexdigest() == digest, (name, algorithm)
changes = Changes(open(sys.argv[1]))
names = sorted(one['name'] for one in changes['Files'])
for field, algorithm, key in ('Files', 'md5', 'md5sum'), ('Checksums-Sha1', 'sha1', 'sha1'), ('Checksums-Sha256', 'sha256', 'sha256'):
    assert sorted(one['name'] for one in changes[field]) == names, field
    for one in changes[field]:
        check(one['name'], one['size'], algorithm, one[key])
buildinfo = BuildInfo(open(os.path.join(folder, names[0])))
for algorithm in 'md5', 'sha1', 'sha256':
    for one in buildinfo['Checksums-' + algorithm.capitalize()]:
        assert one['name'] == names[1]
        check(one['name'], one['size'], algorithm, one[algorithm])
assert buildinfo['Version'] == changes['Version'] and buildinfo['Source'] == changes['Source']
print(*names)
print(changes['Distribution'], changes['Changes'].splitlines()[1].split()[2].rstrip(';'))
print(buildinfo.get_build_date().timestamp(), buildinfo.get_environment()['SOURCE_DATE_EPOCH'])
print(*(one['name'] for [one] in buildinfo.relations['installed-build-depends']))
";

struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        default_stack(project.0.path());
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn deb(&self, arguments: &[&str]) -> Command {
        let mut command = stackdeb();
        command.arg("deb").args(arguments).current_dir(self.0.path()).env("COLUMNS", "400");
        command
    }
}

fn python(changes: &Path) -> String {
    run(Command::new("/usr/bin/python3").args(["-c", PYTHON]).arg(changes))
}

fn said(output: &Output) -> String {
    assert!(!output.status.success(), "{}", text(output));
    text(output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn dput_uploads_what_the_changes_file_names_and_lintian_has_nothing_to_say() {
    let project = Project::new();
    let printed = run(&mut project.deb(&["--changes"]));
    let names = ["buildinfo", "changes"].map(|ending| format!("stack_1.0.0_amd64.{ending}"));
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].contains("dist/stack_1.0.0_amd64.deb ("), "{printed}");
    for (name, line) in names.iter().zip(&lines[1..]) {
        assert!(line.ends_with(&format!("dist/{name}")), "{printed}");
    }
    let changes = project.path("dist/stack_1.0.0_amd64.changes");
    let newest = "1795341600";
    assert_eq!(
        python(&changes),
        format!("stack_1.0.0_amd64.buildinfo stack_1.0.0_amd64.deb\nstable stable\n{newest}.0 {newest}\nstackdeb\n")
    );

    // The package was judged elsewhere. The user who uploads it signs it.
    let passed_over: Vec<&str> = PASSED_OVER.iter().flat_map(|(_, tags)| tags.iter().map(|(tag, _)| *tag)).collect();
    let mut lintian = Command::new("lintian");
    lintian.args(["--pedantic", "-I", "-E", "--fail-on", "error,warning", "--suppress-tags", &passed_over.join(",")]);
    let output = lintian.arg(&changes).output().unwrap();
    let notable: String = text(&output).lines().filter(|line| !line.contains("running with root privileges")).collect();
    assert!(output.status.success() && notable.is_empty(), "{}\n{}", output.status, text(&output));

    let queue = project.path("queue");
    fs::create_dir(&queue).unwrap();
    let upload = |name: &str| {
        let config = project.path("dput.cf");
        let text = format!(
            "[{name}]\nmethod = local\nincoming = {}\nallow_unsigned_uploads = 1\nrun_dinstall = 0\nallowed_distributions = stable\n",
            queue.display()
        );
        fs::write(&config, text).unwrap();
        Command::new("dput").arg("--config").arg(config).arg(name).arg(&changes).output().unwrap()
    };
    let output = upload("own");
    assert!(output.status.success(), "{}", text(&output));
    for name in names.iter().map(String::as_str).chain(["stack_1.0.0_amd64.deb"]) {
        assert_eq!(fs::read(queue.join(name)).unwrap(), fs::read(project.path("dist").join(name)).unwrap(), "{name}");
    }

    // A package that is built again in another form is not the one of the upload any more, and dput sees that.
    fs::write(project.path("app/new.py"), "").unwrap();
    run(&mut project.deb(&[]));
    let output = upload("later");
    assert!(!output.status.success(), "{}", text(&output));
}

fn the_same_project_gives_the_same_files_anywhere_and_at_any_time() {
    let read = |project: &Project| {
        ["deb", "buildinfo", "changes"]
            .map(|ending| fs::read(project.path(&format!("dist/stack_1.0.0_amd64.{ending}"))).unwrap())
    };
    let (first, second) = (Project::new(), Project::new());
    run(&mut first.deb(&["--changes"]));
    let script = "TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 DEB_BUILD_OPTIONS=nocheck exec faketime '2031-05-06 07:08:09' \"$0\" deb --changes";
    run(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(second.0.path()));
    assert!(read(&first) == read(&second), "the files differ");
    run(first.deb(&["--changes"]).env("SOURCE_DATE_EPOCH", "1700000000"));
    let said = python(&first.path("dist/stack_1.0.0_amd64.changes"));
    assert!(said.contains("\n1700000000.0 1700000000\n"), "{said}");
}

fn an_epoch_and_another_distribution_are_in_both_files() {
    let project = Project::new();
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    fs::write(project.path("stack.toml"), manifest.replace("\"1.0.0\"", "\"2:1.0.0-1~rc1\"")).unwrap();
    run(&mut project.deb(&["--changes", "--distribution", "trixie-backports"]));
    let said = python(&project.path("dist/stack_2%3a1.0.0-1~rc1_amd64.changes"));
    assert!(said.contains("\ntrixie-backports trixie-backports\n"), "{said}");
}

fn what_cannot_be_written_is_refused_before_anything_is() {
    let project = Project::new();
    for (arguments, words) in
        [(&["--distribution", "trixie"][..], "--changes"), (&["--changes", "--distribution", "a b"], "one word")]
    {
        let said = said(&project.deb(arguments).output().unwrap());
        assert!(said.contains(words), "{said}");
    }
    fs::create_dir_all(project.path("dist/stack_1.0.0_amd64.changes")).unwrap();
    let refused = said(&project.deb(&["--changes"]).output().unwrap());
    assert!(refused.contains("stack_1.0.0_amd64.changes is a folder"), "{refused}");
    assert_eq!(fs::read_dir(project.path("dist")).unwrap().count(), 1);

    fs::write(project.path("Cargo.toml"), "[package]\nname = \"x\"\nversion = \"1.0.0\"\n").unwrap();
    let refused = said(&project.deb(&["--changes", "-p", "x"]).output().unwrap());
    assert!(refused.contains("--changes is for a project with stack.toml"), "{refused}");
}
