//! `stackdeb new`: a project that passes, and nothing when it is refused.

use std::fs;

use support::run;

use super::{listing, one_line, stackdeb};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![a_new_project_is_one_that_passes, a_new_project_knows_its_author]
}

fn a_new_project_is_one_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(stackdeb(folder.path(), &["new", "guest-book"]).status.success());
    let output = stackdeb(folder.path(), &["check", "guest-book"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let before = listing(folder.path());
    assert!(before.contains_key(&folder.path().join("guest-book/app/migrations/0001_visits.sql")));
    let manifest = fs::read_to_string(folder.path().join("guest-book/stack.toml")).unwrap();
    assert!(manifest.contains("date = 2026-11-23T10:00:00Z"), "{manifest}");

    let again = stackdeb(folder.path(), &["new", "guest-book"]);
    assert!(!again.status.success() && one_line(&again.stderr).contains("not an empty folder"));
    let badly_named = stackdeb(folder.path(), &["new", "Guest"]);
    assert!(!badly_named.status.success() && one_line(&badly_named.stderr).contains("`G`"));
    assert!(!stackdeb(folder.path(), &["new", "guest", "--folder", "no/where"]).status.success());
    assert_eq!(listing(folder.path()), before, "a refused project left something behind");
}

fn a_new_project_knows_its_author() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = support::stackdeb();
    command.current_dir(folder.path()).args(["new", "guest", "--folder", "here"]);
    fs::create_dir(folder.path().join("here")).unwrap();
    run(command.env("DEBFULLNAME", "Zoë O'Neill").env("DEBEMAIL", "zoe@example.org"));
    let output = stackdeb(folder.path(), &["check", "--json", "here"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["maintainer"], "Zoë O'Neill <zoe@example.org>");
}
