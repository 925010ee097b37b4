//! `stackdeb cache`: what it shows, and what `prune` removes, and when not.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use support::{stackdeb, text};

pub fn trials() -> Vec<Trial> {
    support::tests![what_is_shown_can_be_removed_but_not_under_a_build]
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    stackdeb().arg("cache").args(arguments).env("XDG_CACHE_HOME", home).output().unwrap()
}

fn what_is_shown_can_be_removed_but_not_under_a_build() {
    let home = tempfile::tempdir().unwrap();
    let none = run(home.path(), &[]);
    assert!(none.status.success() && text(&none).contains("there is no cache yet"), "{}", text(&none));
    let none: Value = serde_json::from_slice(&run(home.path(), &["--json"]).stdout).unwrap();
    assert_eq!((&none["bytes"], &none["limit"]), (&0.into(), &10_000_000_000_u64.into()));
    assert!(none["kinds"].as_array().unwrap().iter().all(|kind| kind["objects"] == 0 && kind["used"].is_null()));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "a look makes nothing");

    let cache = home.path().join("stackdeb");
    for (folder, bytes) in [("pool", 3_000_000), ("bases", 2_000_000), ("releases", 10)] {
        fs::create_dir_all(cache.join(folder)).unwrap();
        fs::write(cache.join(folder).join("a"), vec![0; bytes]).unwrap();
    }
    let shown = run(home.path(), &["--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["bytes"], 5_000_000);
    let packages = shown["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "Debian packages").unwrap();
    assert_eq!((&packages["objects"], &packages["bytes"]), (&1.into(), &3_000_000.into()));
    let lines = text(&run(home.path(), &[]));
    assert!(lines.contains("1 configured roots") && lines.contains("5 MB of at most 10000 MB"), "{lines}");

    // As another build has it. flock(1) says when it has the lock.
    fs::write(cache.join("in-use"), "").unwrap();
    let mut other = Command::new("flock");
    other.arg("-s").arg(cache.join("in-use")).args(["sh", "-c", "echo; exec cat"]);
    let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let refused = run(home.path(), &["prune", "--to", "0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("another stackdeb uses the cache"), "{}", text(&refused));
    assert!(cache.join("pool/a").exists() && cache.join("bases/a").exists());
    drop(other.stdin.take());
    other.wait().unwrap();

    let pruned = run(home.path(), &["prune", "--to", "0"]);
    assert!(text(&pruned).contains("2 files removed, 5 MB"), "{}", text(&pruned));
    assert!(!cache.join("pool/a").exists() && !cache.join("bases/a").exists() && cache.join("releases/a").exists());
}
