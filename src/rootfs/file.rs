//! A file that is put into a root by this program, and not by a package.

use std::path::PathBuf;

/// A regular file of root's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFile {
    /// Its path, relative to the root.
    pub path: PathBuf,
    /// Its permission bits, such as `0o644`.
    pub mode: u32,
    pub content: String,
}
