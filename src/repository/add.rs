//! Adds packages to a repository, and begins one: `.deb` files and settings → a new signed state. All of it is checked before
//! the first file is written.

use std::path::PathBuf;

use super::candidate::Candidate;
use super::error::RepositoryError;
use super::folder::{RepositoryFolder, RepositoryLock};
use super::key::{KeyFile, NewKey, SigningKey};
use super::publish::{copy_package, publish};
use super::release_file::ReleaseFile;
use super::source_file::SourceFile;
use super::state::RepositoryState;
use super::values::{self, DEFAULT_SUITE, Validity};
use crate::apt::{SignatureError, signers};
use crate::control::{Stanza, Version};
use crate::system::epoch::Epoch;
use crate::system::progress::Reporter;

/// What the user says about the repository. `None` stands for what it is now, and for the default of a new one.
#[derive(Debug, Clone, Default)]
pub struct RepositorySettings {
    pub folder: PathBuf,
    /// Where it will be served.
    pub url: Option<String>,
    pub suite: Option<String>,
    pub origin: Option<String>,
    pub validity: Option<Validity>,
    /// A file with the key that signs.
    pub key: Option<PathBuf>,
}

/// The result of [`add`], for the command to print.
#[derive(Debug)]
pub struct Added {
    /// The new packages: name and version.
    pub packages: Vec<(String, String)>,
    /// The key, if one was made.
    pub new_key: Option<NewKey>,
    /// The file for the servers.
    pub source_file: PathBuf,
    /// False if the repository had the same packages already.
    pub changed: bool,
}

/// A repository that this command alone may change.
pub(super) struct OpenRepository {
    pub folder: RepositoryFolder,
    pub key_file: KeyFile,
    /// `None` only if there is no repository.
    pub key: Option<SigningKey>,
    pub state: Option<RepositoryState>,
    settings: RepositorySettings,
    _lock: RepositoryLock,
}

/// Adds packages. A package that is there already, with the same contents, changes nothing.
///
/// # Errors
/// When one of them cannot be added. No package was added then.
pub fn add(debs: &[PathBuf], settings: &RepositorySettings, reporter: Reporter) -> Result<Added, RepositoryError> {
    let settings = checked(settings)?;
    if RepositoryFolder::new(&settings.folder).find_suite()?.is_none() && settings.url.is_none() {
        return Err(RepositoryError::NoUrl { folder: settings.folder.display().to_string() });
    }
    let candidates: Vec<Candidate> = debs.iter().map(|path| Candidate::read(path)).collect::<Result<_, _>>()?;
    let mut open = open(settings, reporter)?;
    let mut entries = open.state.as_mut().map(|state| std::mem::take(&mut state.entries)).unwrap_or_default();
    let mut packages = Vec::new();
    for candidate in &candidates {
        if !is_known(&entries, candidate)? {
            entries.push(candidate.entry.clone());
            packages.push((candidate.name.to_string(), candidate.version.to_string()));
        }
    }
    let named = candidates.iter().map(|candidate| &candidate.name);
    // A further package of a stack, or one of debug symbols, is named after the one that it belongs to.
    let of_source = candidates.first().and_then(|first| {
        let source = first.entry.get("Source")?.split(' ').next()?;
        named.clone().find(|name| name.as_str() == source)
    });
    let of_programs = || named.clone().find(|name| !name.as_str().ends_with("-dbgsym"));
    let first = of_source.or_else(of_programs).or_else(|| named.clone().next());
    let mut release = open.release(first.map(values::origin_of));
    let url_before = open.url_before()?;
    let same = open.state.as_ref().is_some_and(|state| state.release.validity == release.validity);
    let same_url = open.settings.url.is_none() || open.settings.url == url_before;
    let changed = !packages.is_empty() || !same || !same_url;
    let mut new_key = None;
    for candidate in &candidates {
        copy_package(&open.folder, candidate)?;
    }
    if changed {
        new_key = open.publish(&mut release, &mut entries)?;
    }
    Ok(Added { packages, new_key, source_file: open.folder.source_file(&release.origin), changed })
}

/// Checks what the user says, as far as it can be checked alone.
pub(super) fn checked(settings: &RepositorySettings) -> Result<RepositorySettings, RepositoryError> {
    let name = |option, text: &Option<String>| text.as_deref().map(|text| values::name(option, text)).transpose();
    Ok(RepositorySettings {
        url: settings.url.as_deref().map(values::url).transpose()?,
        suite: name("--suite", &settings.suite)?,
        origin: name("--origin", &settings.origin)?,
        ..settings.clone()
    })
}

/// Whether the repository has the package already.
fn is_known(entries: &[Stanza], candidate: &Candidate) -> Result<bool, RepositoryError> {
    let same = |entry: &&Stanza| {
        let version: Option<Version> = entry.get("Version").and_then(|version| version.parse().ok());
        entry.get("Package") == Some(candidate.name.as_str()) && version.as_ref() == Some(&candidate.version)
    };
    match entries.iter().find(same) {
        None => Ok(false),
        Some(entry) if entry.get("SHA256") == Some(candidate.sha256.to_string().as_str()) => Ok(true),
        Some(entry) => Err(RepositoryError::OtherContents {
            path: candidate.path.display().to_string(),
            name: candidate.name.to_string(),
            version: candidate.version.to_string(),
            filename: entry.get("Filename").unwrap_or_default().to_owned(),
        }),
    }
}

/// Waits for other commands, and reads the key and what is published.
pub(super) fn open(settings: RepositorySettings, reporter: Reporter) -> Result<OpenRepository, RepositoryError> {
    let folder = RepositoryFolder::new(&settings.folder);
    let key_file = KeyFile::find(settings.key.as_deref())?;
    key_file.check_place(&folder)?;
    // Before the lock, whose file is the first that is written.
    let key = key_file.read()?;
    let lock = folder.lock(reporter)?;
    // The command that had the lock may have made the key.
    let key = key.map_or_else(|| key_file.read(), |key| Ok(Some(key)))?;
    let found = folder.find_suite()?;
    if let (Some(found), Some(wanted)) = (&found, &settings.suite)
        && found != wanted
    {
        let (found, wanted) = (found.clone(), wanted.clone());
        return Err(RepositoryError::OtherSuite { folder: folder.shown(), found, wanted });
    }
    let state = match found {
        Some(suite) => Some(read_state(&folder, &suite, key.as_ref(), &key_file)?),
        None => None,
    };
    if let (Some(state), Some(wanted)) = (&state, &settings.origin)
        && state.release.origin != *wanted
    {
        let (found, wanted) = (state.release.origin.clone(), wanted.clone());
        return Err(RepositoryError::OtherOrigin { folder: folder.shown(), found, wanted });
    }
    Ok(OpenRepository { folder, key_file, key, state, settings, _lock: lock })
}

fn read_state(
    folder: &RepositoryFolder,
    suite: &str,
    key: Option<&SigningKey>,
    file: &KeyFile,
) -> Result<RepositoryState, RepositoryError> {
    let path = folder.in_release(suite).display().to_string();
    let Some(key) = key else {
        let bytes = std::fs::read(folder.in_release(suite));
        let bytes = bytes.map_err(|source| RepositoryError::Io { path: path.clone(), source })?;
        return Err(RepositoryError::KeyGone { path, signed_by: signers(&bytes), key: file.shown() });
    };
    RepositoryState::read(folder, suite, &key.keyring()?).map_err(|error| match error {
        RepositoryError::Signature { source: SignatureError::UnknownKey(signed_by), .. } => {
            let (fingerprint, key) = (key.fingerprint(), key.path().display().to_string());
            RepositoryError::OtherKey { path, signed_by, key, fingerprint }
        }
        other => other,
    })
}

impl OpenRepository {
    /// What the next state says about itself. [`Self::publish`] sets its date again.
    pub fn release(&self, default_origin: Option<String>) -> ReleaseFile {
        let before = self.state.as_ref().map(|state| &state.release);
        let given = &self.settings;
        let origin = before.map(|release| release.origin.clone()).or_else(|| given.origin.clone()).or(default_origin);
        let suite = before.map(|release| release.suite.clone()).or_else(|| given.suite.clone());
        ReleaseFile {
            origin: origin.unwrap_or_default(),
            suite: suite.unwrap_or_else(|| DEFAULT_SUITE.to_owned()),
            // Never earlier than before: apt keeps what it has when the date goes back.
            date: before.map_or(Epoch::now(), |release| release.date.max(Epoch::now())),
            validity: given.validity.or(before.map(|release| release.validity)).unwrap_or(Validity::FOREVER),
        }
    }

    /// The address as the file for servers has it now.
    pub fn url_before(&self) -> Result<Option<String>, RepositoryError> {
        let Some(state) = &self.state else { return Ok(None) };
        let path = self.folder.source_file(&state.release.origin);
        match SourceFile::read(&path) {
            Ok(Some(file)) => Ok(Some(file.url)),
            // It is written again.
            _ if self.settings.url.is_some() => Ok(None),
            Ok(None) => Err(RepositoryError::SourceFile { path: path.display().to_string() }),
            Err(error) => Err(error),
        }
    }

    /// Writes and signs the next state. Returns the key, if it has to be made first.
    pub fn publish(
        &mut self,
        release: &mut ReleaseFile,
        entries: &mut [Stanza],
    ) -> Result<Option<NewKey>, RepositoryError> {
        let url = match &self.settings.url {
            Some(url) => Some(url.clone()),
            None => self.url_before()?,
        };
        let url = url.ok_or_else(|| RepositoryError::NoUrl { folder: self.folder.shown() })?;
        let (key, new_key) = match self.key.take() {
            Some(key) => (key, None),
            None => self.key_file.make()?,
        };
        // A key signs nothing that is dated before it was made.
        release.date = release.date.max(Epoch::now());
        let source = SourceFile { url, suite: release.suite.clone(), certificate: key.certificate()? };
        publish(&self.folder, release, entries, &key, &source, self.state.as_ref())?;
        Ok(new_key)
    }
}
