//! `stack.toml`: whatever it is, reading it ends, and its mistakes can be shown where they stand.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a target ends in a panic when something is not as it should be")]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A project with the files that the seeds name.
static PROJECT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for path in ["app/app.py", "app/static/a.css", "migrations/0001.sql", "requirements.txt"] {
        let path: PathBuf = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    folder
});

fuzz_target!(|text: &[u8]| {
    let path = PROJECT.path().join("stack.toml");
    fs::write(&path, text).unwrap();
    if let Err(error) = stackdeb::stack::load(&path) {
        // The message quotes the lines with the mistakes.
        assert!(!format!("{:?}", miette::Report::new(error)).is_empty());
    }
});
