//! What is published now: the signed file `InRelease` and the index that it names, verified → the packages of the repository.

use std::fs;

use super::error::RepositoryError;
use super::folder::{INDEX, RepositoryFolder};
use super::release_file::ReleaseFile;
use super::values::Validity;
use crate::apt::{Keyring, Release};
use crate::control::{Stanza, Stanzas};
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

/// A repository as its signature says.
#[derive(Debug)]
pub(super) struct RepositoryState {
    pub release: ReleaseFile,
    pub valid_until: Option<Epoch>,
    /// The hashes of the indices, which are names below [`RepositoryFolder::by_hash`].
    pub indices: Vec<Sha256>,
    /// One stanza of the index for each package.
    pub entries: Vec<Stanza>,
}

impl RepositoryState {
    /// Reads and verifies the repository. That it has expired is no error.
    ///
    /// # Errors
    /// When the signature is not by a key of `keyring`, or an index is not the one that was signed.
    pub fn read(folder: &RepositoryFolder, suite: &str, keyring: &Keyring) -> Result<Self, RepositoryError> {
        let path = folder.in_release(suite);
        let shown = path.display().to_string();
        let bytes = fs::read(&path).map_err(|source| RepositoryError::Io { path: shown.clone(), source })?;
        let text = keyring.verify(&bytes, Epoch::now());
        let text = text.map_err(|source| RepositoryError::Signature { path: shown.clone(), source })?;
        let release = Release::parse(&text, &shown)?;
        let stanza = Stanza::parse(&text).map_err(|source| RepositoryError::Syntax { path: shown.clone(), source })?;
        let damaged = |why: &str| RepositoryError::Damaged { path: shown.clone(), why: why.to_owned() };
        let origin = stanza.get("Origin").ok_or_else(|| damaged("it has no field Origin"))?.to_owned();
        let validity = release.valid_until.map_or(Validity::FOREVER, |until| {
            Validity::from_seconds(until.seconds().saturating_sub(release.date.seconds()))
        });
        let plain = release.file(INDEX).ok_or_else(|| damaged("it names no index of packages"))?.sha256;
        let xz = release.file(&format!("{INDEX}.xz")).map(|file| file.sha256);
        Ok(Self {
            release: ReleaseFile { origin, suite: suite.to_owned(), date: release.date, validity },
            valid_until: release.valid_until,
            indices: [plain].into_iter().chain(xz).collect(),
            entries: read_index(folder, suite, plain)?,
        })
    }
}

/// Reads the index under its hash: the one under its plain name may be that of a run that was interrupted.
fn read_index(folder: &RepositoryFolder, suite: &str, hash: Sha256) -> Result<Vec<Stanza>, RepositoryError> {
    let path = folder.index_by_hash(suite, hash);
    let shown = || path.display().to_string();
    let bytes = fs::read(&path).map_err(|source| RepositoryError::Io { path: shown(), source })?;
    if Sha256::of(&bytes) != hash {
        return Err(RepositoryError::Damaged { path: shown(), why: "its SHA-256 is not its name".to_owned() });
    }
    let stanzas: Result<Vec<Stanza>, _> = Stanzas::new(bytes.as_slice()).collect();
    stanzas.map_err(|source| RepositoryError::Syntax { path: shown(), source })
}
