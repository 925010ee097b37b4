//! What a user meets who writes a stack.toml: `stackdeb new` and `stackdeb check`, good input and bad.

mod kinds;
mod mistakes;
mod new;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use libtest_mimic::Trial;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    [kinds::trials(), mistakes::trials(), new::trials()].into_iter().flatten().collect()
}

/// A manifest with nothing in it that has a default.
const MINIMAL: &str = r#"[package]
name = "guest-book"
maintainer = "Jane Doe <jane@example.org>"
summary = "web application that counts visits"
license = "MIT"
[app]
depends = ["python3-flask"]
[[changelog]]
version = "1.0.0"
date = 2026-11-23T10:00:00Z
changes = ["First release."]
"#;

fn stackdeb(folder: &Path, args: &[&str]) -> Output {
    let mut command = support::stackdeb();
    command.current_dir(folder).args(args).env("NO_COLOR", "1").env_remove("DEBEMAIL").env_remove("DEBFULLNAME");
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("SOURCE_DATE_EPOCH", "1795428000");
    command.output().unwrap()
}

/// A project with an app, a migration and the given manifest.
fn project(manifest: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("app/migrations")).unwrap();
    fs::create_dir(folder.path().join("app/empty")).unwrap();
    fs::write(folder.path().join("app/app.py"), "app = None\n").unwrap();
    fs::write(folder.path().join("app/migrations/0001_first.sql"), "SELECT 1;\n").unwrap();
    fs::write(folder.path().join("stack.toml"), manifest).unwrap();
    folder
}

/// Every file below a folder with its contents.
fn listing(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listing(&path));
            found.insert(path, None);
        } else {
            let contents = fs::read(&path).unwrap();
            found.insert(path, Some(contents));
        }
    }
    found
}

/// Checks a manifest that has to be refused; the report, with its lines joined to one.
fn refusal(manifest: impl AsRef<[u8]>) -> String {
    let folder = project(manifest);
    let before = listing(folder.path());
    let output = stackdeb(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty(), "something was printed beside the error");
    assert_eq!(listing(folder.path()), before, "something was written");
    one_line(&output.stderr)
}

/// The words of a report without the frame that it is drawn with.
fn one_line(report: &[u8]) -> String {
    let text = String::from_utf8(report.to_vec()).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    text.split(|c: char| c.is_whitespace() || "│|".contains(c))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `MINIMAL` with one line replaced, numbered from 1.
fn with_line(number: usize, line: &str) -> String {
    let replace = |(index, old)| if index + 1 == number { line } else { old };
    MINIMAL.lines().enumerate().map(replace).collect::<Vec<_>>().join("\n") + "\n"
}
