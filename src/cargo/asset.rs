//! A file that a crate's assets put into its package: where it is installed, and what is in it.

use std::path::PathBuf;

/// A file of the package.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    /// Where it is installed, beginning with `/`.
    pub(super) path: String,
    pub(super) source: AssetContent,
    pub(super) mode: u32,
    /// Whether cargo makes it: it is below `target/release`.
    pub(super) built: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AssetContent {
    File(PathBuf),
    Bytes(Vec<u8>),
    /// A symbolic link, with its target.
    Link(String),
}
