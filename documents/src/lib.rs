//! The documents that are made from the program itself, so that they cannot say anything else: the reference in `docs/`,
//! and the man pages and completions of stackdeb's own package. Reads the command line (`stackdeb::cli`) and the reference
//! of `stack.toml` (`stackdeb::stack::reference`); returns files, each as a path and a text.

mod changelog;
mod commands;
mod completions;
mod copyright;
mod facts;
mod man;
mod reference;
mod roff;

use std::path::PathBuf;

use stackdeb::system::epoch::Epoch;

/// A file: its path below the folder that it is written to, and its text.
#[derive(Debug)]
pub struct Document {
    /// Where it lies in the repository: relative to its top folder, without `..`.
    pub path: PathBuf,
    /// UTF-8, with a line break at its end.
    pub text: String,
}

impl Document {
    fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text }
    }
}

/// The files of the repository's `docs/`.
///
/// # Errors
/// Never in practice: the schema can always be written as text.
pub fn repository() -> miette::Result<Vec<Document>> {
    Ok(vec![
        Document::new("stack-toml.md", reference::markdown()),
        Document::new("commands.md", commands::markdown()),
        Document::new("files.md", facts::markdown()),
        Document::new("stack.schema.json", stackdeb::stack::reference::schema_text()),
    ])
}

/// Who answers for stackdeb's own package.
const MAINTAINER: &str = "The stackdeb maintainers <stackdeb@example.org>";

/// What stackdeb's package installs: `man/`, `completions/`, the schema, the changelog and the copyright. `now` is the date
/// of the changes that are not released yet.
///
/// # Errors
/// When CHANGELOG.md has no entry for this version.
pub fn package(now: Epoch) -> miette::Result<Vec<Document>> {
    let (changes, version) = (include_str!("../../CHANGELOG.md"), env!("CARGO_PKG_VERSION"));
    let papers = [
        Document::new("stack.schema.json", stackdeb::stack::reference::schema_text()),
        Document::new("changelog", changelog::debian(changes, version, MAINTAINER, now)?),
        Document::new("copyright", copyright::dep5(include_str!("../../LICENSE"))),
    ];
    Ok(man::pages()?.into_iter().chain(completions::scripts()).chain(papers).collect())
}
