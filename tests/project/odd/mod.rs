//! Odd projects: whatever `stackdeb deb` refuses, `stackdeb check` refuses before, in the same words; and what `check`
//! accepts, `deb` builds and dpkg reads.

mod oddities;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::Trial;
use support::{run, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    let tests = support::tests![
        scripts_that_cannot_run_and_overrides_that_override_nothing_are_refused,
        migrations_that_would_never_run_are_refused,
        a_folder_where_an_output_must_be_is_named_and_nothing_is_changed,
        an_app_that_holds_dist_is_refused,
        a_list_in_the_description_is_a_list_for_its_readers,
        the_longest_names_are_those_that_dpkg_can_unpack,
        every_version_has_an_image_of_its_own,
        check_warns_of_a_name_that_the_suite_has,
        check_warns_of_a_relation_that_only_an_epoch_meets
    ];
    tests.into_iter().chain(oddities::trials()).collect()
}

const MANIFEST: &str = r#"[package]
name = "guest-book"
maintainer = "Jane Doe <jane@example.org>"
summary = "web application that counts visits"
license = "MIT"
compression = "none"
PACKAGE
[app]
depends = ["python3-flask"]
APP
[database]
DATABASE
[image]
IMAGE
[[changelog]]
version = "VERSION"
date = 2026-11-23T10:00:00Z
changes = ["First release."]
"#;

/// A project that is being made odd.
struct Project {
    folder: tempfile::TempDir,
    manifest: String,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("app/migrations")).unwrap();
        fs::write(folder.path().join("app/app.py"), "app = None\n").unwrap();
        fs::write(folder.path().join("app/migrations/0001_a.sql"), "SELECT 1;\n").unwrap();
        // So that this machine's apt is not asked for the packages.
        fs::create_dir_all(folder.path().join("cache/stackdeb/names")).unwrap();
        fs::write(folder.path().join("cache/stackdeb/names/trixie"), "").unwrap();
        Self { folder, manifest: MANIFEST.to_owned() }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Adds a line to a table of the manifest. Keys that stand twice are one more oddity.
    fn line(&mut self, table: &str, line: &str) {
        self.manifest = self.manifest.replacen(table, &format!("{line}\n{table}"), 1);
    }

    /// Adds tables to the manifest.
    fn tables(&mut self, text: &str) {
        self.manifest = self.manifest.replacen("[[changelog]]", &format!("{text}\n[[changelog]]"), 1);
    }

    fn file(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Two oddities may want one place.
        let _ = fs::write(path, text);
    }

    fn finish(&self) {
        let mut text = self.manifest.clone();
        for (word, rest) in [("PACKAGE", ""), ("APP", ""), ("DATABASE", ""), ("IMAGE", ""), ("VERSION", "1.0.0")] {
            text = text.replacen(word, rest, 1);
        }
        fs::write(self.path("stack.toml"), text).unwrap();
    }

    fn stackdeb(&self, arguments: &[&str]) -> Output {
        let mut command = stackdeb();
        command.args(arguments).current_dir(self.folder.path());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("NO_COLOR", "1").output().unwrap()
    }
}

/// One way in which a project is odd.
type Oddity = fn(&mut Project);

/// The words of a report without the frame that it is drawn with.
fn words(output: &Output) -> Vec<String> {
    let said = text(output);
    said.split(|c: char| c.is_whitespace() || "│|".contains(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Makes a project with one oddity, which `check` and `deb` have to refuse with these words; nothing is written.
fn refused(oddity: Oddity, expected: &[&str]) {
    let mut project = Project::new();
    oddity(&mut project);
    project.finish();
    for command in ["check", "deb"] {
        let output = project.stackdeb(&[command]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let said = words(&output).join(" ");
        for word in expected {
            assert!(said.contains(word), "{command}: `{word}` is missing: {}", text(&output));
        }
        assert!(!project.path("dist/guest-book_1.0.0_amd64.deb").is_file(), "{command} has built something");
    }
}

fn scripts_that_cannot_run_and_overrides_that_override_nothing_are_refused() {
    refused(
        |p| p.file("debian/postinst", "#!/bin/sh\r\nexit 0\r\n"),
        &["debian/postinst", "line 1", "carriage return"],
    );
    refused(
        |p| p.file("debian/postinst", "#!/bin/sh\nset -e\n#DEBHELPER#\n"),
        &["debian/postinst", "line 3", "#DEBHELPER#", "stackdeb's own"],
    );
    refused(|p| p.file("debian/postints", "#!/bin/sh\n"), &["debian/postints", "did you mean `postinst`"]);
    refused(
        |p| p.file("units/fetch-mail.service", "[Service]\n"),
        &["units/fetch-mail.service", "app.service", "health.timer"],
    );
    refused(|p| p.file("units/App.service", "[Service]\n"), &["units/App.service", "did you mean `app.service`"]);
    refused(|p| p.file("nginx/site.cnof", ""), &["nginx/site.cnof", "did you mean `site.conf`"]);
    refused(
        |p| {
            fs::create_dir(p.path("debian")).unwrap();
            symlink("nowhere", p.path("debian/prerm")).unwrap();
        },
        &["debian/prerm", "No such file"],
    );
}

fn migrations_that_would_never_run_are_refused() {
    let with: fn(&mut Project) = |p| p.line("DATABASE", "migrations = \"migrations\"");
    let cases: &[(Oddity, &[&str])] = &[
        (
            |p| p.file("app/migrations/0002_b.sql", "BEGIN; CREATE TABLE a(); COMMIT;\nSELECT 1/0;\n"),
            &["0002_b.sql", "`BEGIN` in line 1", "stackdeb: no transaction"],
        ),
        (
            |p| p.file("app/migrations/0002_b.sql", "CREATE INDEX CONCURRENTLY i ON a (b);\n"),
            &["0002_b.sql", "CREATE INDEX CONCURRENTLY", "stackdeb: no transaction"],
        ),
        (|p| p.file("app/migrations/0002_X.SQL", ""), &["0002_X.SQL", "small letters"]),
        (|p| fs::create_dir(p.path("app/migrations/2.sql")).unwrap(), &["2.sql", "is a folder"]),
        (|p| p.line("APP", "exclude = [\"0001*\"]"), &["0001_a.sql", "left out"]),
    ];
    for (oddity, words_of_it) in cases {
        let mut project = Project::new();
        with(&mut project);
        oddity(&mut project);
        project.finish();
        let output = project.stackdeb(&["check"]);
        let said = words(&output).join(" ");
        assert!(!output.status.success() && words_of_it.iter().all(|word| said.contains(word)), "{}", text(&output));
    }
    let mut project = Project::new();
    with(&mut project);
    project.file("app/migrations/._0001.sql", "\0");
    project.finish();
    let output = project.stackdeb(&["check"]);
    let said = words(&output).join(" ");
    assert!(output.status.success() && said.contains("._0001.sql: its name begins with a dot"), "{}", text(&output));
}

fn a_folder_where_an_output_must_be_is_named_and_nothing_is_changed() {
    refused(
        |p| fs::create_dir_all(p.path("dist/guest-book.deb")).unwrap(),
        &["dist/guest-book.deb is a folder", "nothing was changed"],
    );
    refused(|p| p.file("dist", "mine\n"), &["dist is not a folder", "nothing was changed"]);
}

fn an_app_that_holds_dist_is_refused() {
    refused(
        |p| {
            p.file("app/out/x", "");
            symlink("app/out", p.path("dist")).unwrap();
        },
        &["app.folder", "holds the project's folder dist"],
    );
}

fn a_list_in_the_description_is_a_list_for_its_readers() {
    let mut project = Project::new();
    project.line("PACKAGE", "description = \"\"\"\nIt has:\n- one\n- two\n\"\"\"");
    project.finish();
    assert!(project.stackdeb(&["deb"]).status.success());
    let package = project.path("dist/guest-book_1.0.0_amd64.deb");
    let field = run(Command::new("dpkg-deb").arg("--field").arg(&package).arg("Description"));
    // Two spaces before a line: it is shown as it is (Debian Policy 5.6.13).
    assert!(field.ends_with("It has:\n  - one\n  - two\n"), "{field}");
}

fn the_longest_names_are_those_that_dpkg_can_unpack() {
    for (length, works) in [(246, true), (247, false), (255, false)] {
        let project = Project::new();
        project.file(format!("app/{}", "n".repeat(length)), "");
        project.finish();
        let output = project.stackdeb(&["deb"]);
        assert_eq!(output.status.success(), works, "{length}: {}", text(&output));
        if works {
            let root = tempfile::tempdir().unwrap();
            let package = project.path("dist/guest-book_1.0.0_amd64.deb");
            let admin = root.path().join("var/lib/dpkg");
            fs::create_dir_all(admin.join("info")).unwrap();
            fs::create_dir_all(admin.join("updates")).unwrap();
            fs::write(admin.join("status"), "").unwrap();
            let mut dpkg = Command::new("dpkg");
            dpkg.arg(format!("--root={}", root.path().display())).args([
                "--force-not-root",
                "--force-depends",
                "--unpack",
            ]);
            run(dpkg.arg(package));
        }
    }
}

fn every_version_has_an_image_of_its_own() {
    let names = ["1.0.0-1", "1.0.0-2", "1:1.0.0-1", "1.0.0"].map(|version| {
        let mut project = Project::new();
        project.manifest = project.manifest.replace("VERSION", version);
        project.finish();
        let output = project.stackdeb(&["check", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        [json["package"].to_string(), json["image"].to_string()]
    });
    let all: std::collections::BTreeSet<&String> = names.iter().flatten().collect();
    assert_eq!(all.len(), 8, "{names:?}");
}

/// What the last build of an image has kept about its suite.
fn with_known_packages(project: &Project, lines: &str) {
    let folder = project.path("cache/stackdeb/names");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("trixie"), lines).unwrap();
}

fn check_warns_of_a_name_that_the_suite_has() {
    let mut project = Project::new();
    project.manifest = project.manifest.replace("name = \"guest-book\"", "name = \"hello\"");
    project.finish();
    with_known_packages(&project, "hello 2.10-5\nnginx 1.26.3-3\n");
    let output = project.stackdeb(&["check"]);
    let said = words(&output).join(" ");
    assert!(output.status.success(), "{said}");
    for word in ["warning", "a package hello of its own (version 2.10-5)", "apt upgrade", "hello-app"] {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
    with_known_packages(&project, "nginx 1.26.3-3\n");
    assert!(!text(&project.stackdeb(&["check"])).contains("warning"));
}

fn check_warns_of_a_relation_that_only_an_epoch_meets() {
    for (relation, warned) in [
        ("(>= 6)", true),
        ("(>= 4.1)", false),
        ("(>= 3:4.2)", false),
        ("(>= 3:5)", false),
        ("", false),
        ("(<< 6)", false),
    ] {
        let mut project = Project::new();
        let depends = format!("\"python3-django {relation}\"").replace(" \"", "\"");
        project.manifest = project.manifest.replace("\"python3-flask\"", &depends);
        project.finish();
        with_known_packages(&project, "python3-django 3:4.2.23-1\n");
        let output = project.stackdeb(&["check"]);
        let said = words(&output).join(" ");
        assert!(output.status.success(), "{said}");
        let about =
            said.contains("python3-django (>= 6)` is met by python3-django 3:4.2.23-1 only because of the epoch");
        assert_eq!(about, warned, "{relation}: {said}");
    }
}
