//! The documents that are made from the program itself, so that they cannot say anything else: the reference in `docs/`,
//! and the man pages and completions of stackdeb's own package. The command line (`stackdeb::cli`) and the reference of
//! `stack.toml` (`stackdeb::stack::reference`) come in; files go out, each as a path and a text.

mod commands;
mod completions;
mod facts;
mod man;
mod reference;
mod roff;

use std::path::PathBuf;

/// A file: its path below the folder that it is written to, and its text.
#[derive(Debug)]
pub struct Document {
    /// Relative, without `..`.
    pub path: PathBuf,
    /// UTF-8, with a line break at its end.
    pub text: String,
}

impl Document {
    fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text }
    }
}

/// What stands in the repository's `docs/`.
///
/// # Errors
/// Never in practice: the schema can always be written as text.
pub fn repository() -> miette::Result<Vec<Document>> {
    Ok(vec![
        Document::new("stack-toml.md", reference::markdown()),
        Document::new("commands.md", commands::markdown()),
        Document::new("files.md", facts::markdown()),
        Document::new("stack.schema.json", stackdeb::commands::schema::text()?),
    ])
}

/// What stackdeb's package installs: `man/` and `completions/`, and the schema.
///
/// # Errors
/// When a page cannot be made.
pub fn package() -> miette::Result<Vec<Document>> {
    let schema = Document::new("stack.schema.json", stackdeb::commands::schema::text()?);
    Ok(man::pages()?.into_iter().chain(completions::scripts()).chain([schema]).collect())
}
