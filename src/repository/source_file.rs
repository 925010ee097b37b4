//! The file for `/etc/apt/sources.list.d` of a server (sources.list(5), deb822 style): the repository's address, its suite,
//! and the certificate of the key that signs it. A server needs nothing else to trust the repository, and trusts the key for
//! nothing else.

use std::fs;
use std::io;
use std::path::Path;

use super::error::RepositoryError;
use super::folder::RepositoryFolder;
use crate::apt::Keyring;
use crate::control::Stanza;

/// The fields of a `.sources` file (sources.list(5)) that are not the same for all repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub url: String,
    pub suite: String,
    /// In ASCII armour.
    pub certificate: String,
}

impl SourceFile {
    pub fn text(&self) -> String {
        let mut stanza = Stanza::default();
        stanza.set("Types", "deb");
        stanza.set("URIs", &self.url);
        stanza.set("Suites", &self.suite);
        stanza.set("Components", "main");
        stanza.set("Architectures", "amd64");
        stanza.set("Signed-By", format!("\n{}", self.certificate.trim_end()));
        stanza.to_string()
    }

    /// Reads the file; `None` when it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, or has no address or no key.
    pub fn read(path: &Path) -> Result<Option<Self>, RepositoryError> {
        let shown = || path.display().to_string();
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|source| RepositoryError::Io { path: shown(), source })?,
        };
        let stanza = Stanza::parse(&text).map_err(|source| RepositoryError::Syntax { path: shown(), source })?;
        let field =
            |name: &str| stanza.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let (Some(url), Some(suite), Some(certificate)) = (field("URIs"), field("Suites"), field("Signed-By")) else {
            return Err(RepositoryError::SourceFile { path: shown() });
        };
        Ok(Some(Self { url, suite, certificate }))
    }

    /// The one in a repository's folder.
    ///
    /// # Errors
    /// When the folder has no such file, or it cannot be read.
    pub fn find(folder: &RepositoryFolder) -> Result<Self, RepositoryError> {
        let failed = |source| RepositoryError::Io { path: folder.shown(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder.root()).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "sources") {
                found.push(path);
            }
        }
        found.sort();
        let path = found.first().cloned().unwrap_or_else(|| folder.root().join("*.sources"));
        Self::read(&path)?.ok_or_else(|| RepositoryError::SourceFile { path: path.display().to_string() })
    }

    /// What verifies the repository.
    ///
    /// # Errors
    /// When what the file has is not a key.
    pub fn keyring(&self) -> Result<Keyring, RepositoryError> {
        Ok(Keyring::from_bytes("of the repository's .sources file", self.certificate.as_bytes())?)
    }
}
