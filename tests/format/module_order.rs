//! The modules of `src/` know only those to their left. The order is the line in `docs/reasons/architecture.md`; this
//! reads it there, and then which other modules each source file names.

use std::collections::BTreeSet;
use std::fs;

use support::source_folder;

use crate::doc_comments::find_sources;

const HEADING: &str = "## What a module may know";

fn order() -> Vec<String> {
    let text = fs::read_to_string(source_folder().join("docs/reasons/architecture.md")).unwrap();
    let (_, rest) = text.split_once(HEADING).unwrap();
    let (_, block) = rest.split_once("```text\n").unwrap();
    block.lines().next().unwrap().split(' ').map(str::to_owned).collect()
}

/// The modules that a source names after `crate::`, outside of comments. `crate::{` has a line for each module instead, so that
/// none is overlooked here.
fn named(source: &str) -> BTreeSet<&str> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| {
        line.split("crate::").skip(1).inspect(move |rest| {
            assert!(rest.starts_with(|c: char| c.is_ascii_alphabetic()), "a line for each module, please: {line}");
        })
    });
    after.map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap()).collect()
}

#[test]
fn no_module_knows_one_to_its_right() {
    let order = order();
    let modules = fs::read_to_string(source_folder().join("src/lib.rs")).unwrap();
    let declared = modules.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    assert_eq!(order.iter().map(String::as_str).collect::<BTreeSet<_>>(), declared.collect(), "{HEADING}");
    let mut wrong = Vec::new();
    let mut count = 0;
    for (at, module) in order.iter().enumerate() {
        let (folder, file) =
            (source_folder().join("src").join(module), source_folder().join(format!("src/{module}.rs")));
        let mut files: Vec<_> = file.is_file().then_some(file).into_iter().collect();
        if folder.is_dir() {
            find_sources(&folder, &mut files);
        }
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            let known = named(&source);
            count += known.len();
            let right = known.into_iter().filter(|name| order.iter().skip(at + 1).any(|module| module == name));
            wrong.extend(right.map(|name| format!("{} knows {name}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(count > 500, "only {count} names of modules were found");
}
