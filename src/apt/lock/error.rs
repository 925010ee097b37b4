//! Why locked packages cannot be used.

use crate::apt::fetch::FetchError;
use crate::deb::ReadError;

/// Why the packages of a lock cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockError {
    #[error("{path} cannot be used: {reason}")]
    #[diagnostic(help("run `stackdeb lock --packages`, which writes the part about packages again"))]
    Wrong { path: String, reason: String },
    /// It was made for another stack.toml.
    #[error("{path} does not fit: {why}")]
    #[diagnostic(help(
        "run `stackdeb lock --packages` with the same projects; add `--variant NAME` for a lock of that variant alone"
    ))]
    Stale { path: String, why: String },
    /// The mirror no longer has it, and `[image] snapshot-mirror` is not set.
    #[error("the mirror does not have {name} {version} any more, which the lock names: {url}")]
    #[diagnostic(help(
        "name in stack.toml a server that keeps old versions, as your distribution has one: [image] snapshot-mirror; or run \
         `stackdeb update` for newer ones"
    ))]
    Gone { name: String, version: String, url: String },
    #[error("neither the mirror nor the snapshot mirror has {name} {version}, which the lock names: {url}")]
    #[diagnostic(help("check [image] snapshot-mirror in stack.toml, or run `stackdeb update` for newer ones"))]
    Nowhere { name: String, version: String, url: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] ReadError),
}

impl LockError {
    pub(super) fn wrong(path: &str, reason: String) -> Self {
        Self::Wrong { path: path.to_owned(), reason }
    }
}
