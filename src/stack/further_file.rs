//! What a stack installs beside its application: the files, folders and links of `[[file]]`.

use std::path::PathBuf;

/// A file, folder or link that a package has beside the app: an entry of `[[file]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherFile {
    /// The absolute path on the server.
    pub path: String,
    pub content: FurtherContent,
    pub owner: Owner,
}

/// What is at that path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FurtherContent {
    /// A copy of a file of the project. Without a mode it has 0755 if its owner may execute the project's file, else 0644.
    File { source: PathBuf, mode: Option<u32> },
    /// A folder with nothing in it.
    Folder { mode: u32 },
    /// A symbolic link. Nothing has to be at its target.
    Link { target: String },
}

/// Who owns a file on the server. Both exist there, or the package makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub user: String,
    pub group: String,
}

impl Owner {
    pub fn root() -> Self {
        Self { user: "root".to_owned(), group: "root".to_owned() }
    }
}
