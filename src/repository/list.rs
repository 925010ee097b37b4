//! What a repository has: its folder → the packages that its signature covers. It needs no secret key.

use std::path::Path;

use serde::Serialize;

use super::error::RepositoryError;
use super::folder::RepositoryFolder;
use super::source_file::SourceFile;
use super::state::RepositoryState;
use crate::system::epoch::Epoch;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
pub struct ListedRepository {
    /// The address in the `.sources` file of the servers.
    pub url: String,
    pub origin: String,
    pub suite: String,
    /// When it was signed (RFC 3339).
    pub date: String,
    /// Until when servers accept it (RFC 3339); `None` for ever.
    pub valid_until: Option<String>,
    pub packages: Vec<ListedPackage>,
}

/// Sorted by name, then by version.
#[derive(Debug, Serialize)]
pub struct ListedPackage {
    pub name: String,
    pub version: String,
    pub architecture: String,
    /// Below the repository's folder.
    pub path: String,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
}

/// Verifies the repository with the key in its `.sources` file, and lists its packages.
///
/// # Errors
/// When there is no repository, or it is not as it was signed.
pub fn list(folder: &Path) -> Result<ListedRepository, RepositoryError> {
    let folder = RepositoryFolder::new(folder);
    let none = || RepositoryError::NoRepository { folder: folder.shown() };
    let suite = folder.find_suite()?.ok_or_else(none)?;
    let source = SourceFile::find(&folder)?;
    let state = RepositoryState::read(&folder, &suite, &source.keyring()?)?;
    let packages = state.entries.iter().map(|entry| {
        let field = |name: &str| entry.get(name).unwrap_or_default().to_owned();
        ListedPackage {
            name: field("Package"),
            version: field("Version"),
            architecture: field("Architecture"),
            path: field("Filename"),
            size: field("Size").parse().unwrap_or_default(),
            sha256: field("SHA256"),
        }
    });
    Ok(ListedRepository {
        packages: packages.collect(),
        url: source.url,
        origin: state.release.origin,
        suite: state.release.suite,
        date: state.release.date.to_rfc3339(),
        valid_until: state.valid_until.map(Epoch::to_rfc3339),
    })
}
