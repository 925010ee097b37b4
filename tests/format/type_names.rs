//! A type name of `src/` stands for one thing, so a reader of one line knows which type it means. The sources are formatted,
//! so what begins in the first column is at the top level of its file: types of functions and of unit tests are left out.

use std::collections::BTreeMap;
use std::fs;

use support::source_folder;

use crate::doc_comments::find_sources;

/// The name that a line defines, if it is the first line of a type at the top level.
fn defined(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => {
            rest.strip_prefix('(').map_or(Some(rest), |rest| Some(rest.split_once(')')?.1))?.strip_prefix(' ')?
        }
        None => line,
    };
    let line = line.strip_prefix("unsafe ").unwrap_or(line);
    let name =
        ["struct ", "enum ", "union ", "trait ", "type "].iter().find_map(|keyword| line.strip_prefix(keyword))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn a_type_name_stands_for_one_thing() {
    let mut files = Vec::new();
    find_sources(&source_folder().join("src"), &mut files);
    files.retain(|file| !file.to_str().unwrap().ends_with("tests.rs"));
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        for (at, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            if let Some(name) = defined(line) {
                places.entry(name.to_owned()).or_default().push(format!("{}:{}", file.display(), at + 1));
            }
        }
    }
    assert!(places.len() > 500, "only {} types were found", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "these names stand for several types: {places:#?}");
}

#[test]
fn a_definition_is_found() {
    for line in [
        "struct Lock {",
        "pub struct Lock<'a> {",
        "pub(super) enum Lock {",
        "pub(in crate::render) trait Lock: Sized {",
        "type Lock = u32;",
        "pub unsafe trait Lock {}",
        "union Lock {",
        "pub struct Lock(u32);",
    ] {
        assert_eq!(defined(line), Some("Lock"), "{line}");
    }
    for line in
        ["    struct Lock {", "    type Err = Lock;", "pub fn lock() -> Lock {", "pub use lock::Lock;", "impl Lock {"]
    {
        assert_eq!(defined(line), None, "{line}");
    }
}
