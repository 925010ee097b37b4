//! What can be wrong with a file or folder that a manifest names.

use std::io;

use miette::Diagnostic;

/// Why a path is not valid.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FileError {
    #[error("there is no {kind} {path}")]
    #[diagnostic(help("make it, or correct the path: it is relative to {from}"))]
    Missing {
        /// What the path must lead to, as messages have it: `file` or `folder`.
        kind: &'static str,
        path: String,
        from: &'static str,
    },
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check that you may read it, and that its text is UTF-8"))]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("there is no Cargo.toml in {0}, and an application of the kind `cargo` is a crate")]
    #[diagnostic(help(
        "name the folder of the crate or the workspace, relative to stack.toml: folder = \"server\"; for a program that is built elsewhere, write kind = \"exec\""
    ))]
    NoCrate(String),
    #[error("{0} is the folder of stack.toml, so the next package would contain what was built into dist/")]
    #[diagnostic(help("put what is packed in a folder of its own, such as app/"))]
    WholeProject(String),
    #[error(
        "{0} holds the project's folder dist, so the next package would contain the packages that were built there"
    )]
    #[diagnostic(help("put what is packed in a folder of its own, such as app/, which has nothing to do with dist/"))]
    HoldsOutputs(String),
    #[error("`{0}` is outside the app's folder, and only that folder is packed")]
    #[diagnostic(help("name a folder inside it: \"migrations\""))]
    Outside(String),
    #[error("`{0}` is not the path of a folder inside the app's folder")]
    #[diagnostic(help("name a folder inside it, such as \"public\", or leave the key out: then all of it is served"))]
    NotPublished(String),
    #[error("there is no file that ends in `.sql` in {0}")]
    #[diagnostic(help("write the first one, such as 0001_first.sql, or leave the key out"))]
    NoMigrations(String),
    #[error("{0} ends in `.sql`, but is a folder, and migrations are files")]
    #[diagnostic(help("rename it, or move its files up into the folder of the migrations"))]
    MigrationFolder(String),
    #[error("{0} would never be run, because its name does not end in `.sql` in small letters")]
    #[diagnostic(help("rename it so that it ends in `.sql`"))]
    MigrationEnding(String),
    #[error(
        "{path} has `{what}` in line {line}, but each migration runs in one transaction, which it cannot end itself: what it did before an error could not be undone"
    )]
    #[diagnostic(help(
        "leave BEGIN and COMMIT out; or write `-- stackdeb: no transaction` as its first line, and care for that yourself"
    ))]
    OwnTransaction { path: String, line: usize, what: String },
    #[error(
        "{path} has `{what}` in line {line}, which PostgreSQL does not run in a transaction, and each migration runs in one"
    )]
    #[diagnostic(help(
        "write `-- stackdeb: no transaction` as its first line, and nothing else into the file: what such a migration did before an error is not undone"
    ))]
    NeedsNoTransaction { path: String, line: usize, what: String },
    #[error("the migration `{0}` has other characters in its name than A-Z, a-z, 0-9, `_`, `-` and `.`")]
    #[diagnostic(help("rename it so that it sorts where it belongs: 0001_first.sql"))]
    MigrationName(String),
    #[error("{0} is empty")]
    #[diagnostic(help("put the licence's text there"))]
    Empty(String),
}
