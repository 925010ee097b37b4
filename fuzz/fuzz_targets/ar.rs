//! Whole packages (deb(5)): the archive around them, its members, and what is in these.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a target ends in a panic when something is not as it should be")]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stackdeb::deb::{Reader, entries};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("package.deb");
    fs::write(&path, bytes).unwrap();
    let Ok(package) = Reader::open(&path) else { return };
    let _ = package.built();
    let _ = package.control();
    let _ = package.control_files();
    let Ok(mut data) = package.data() else { return };
    let Ok(mut entries) = entries(&mut data) else { return };
    while let Some(Ok(entry)) = entries.next() {
        let _ = (entry.path(), entry.target());
    }
});
