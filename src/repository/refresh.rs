//! Signs a repository again, with the same packages: before its `Valid-Until` has passed, or to change a setting.

use super::add::{RepositorySettings, checked, open};
use super::error::RepositoryError;
use super::folder::RepositoryFolder;
use crate::system::epoch::Epoch;
use crate::system::progress::Reporter;

/// What the new Release file lists, and how long apt believes it.
#[derive(Debug)]
pub struct Refreshed {
    pub packages: usize,
    /// `None` for ever.
    pub valid_until: Option<Epoch>,
}

/// Signs the packages that are there with the date of today.
///
/// # Errors
/// When there is no repository, or the key is not the one that signed it.
pub fn refresh(settings: &RepositorySettings, reporter: Reporter) -> Result<Refreshed, RepositoryError> {
    let settings = checked(settings)?;
    let none = || RepositoryError::NoRepository { folder: settings.folder.display().to_string() };
    RepositoryFolder::new(&settings.folder).find_suite()?.ok_or_else(none)?;
    let mut open = open(settings.clone(), reporter)?;
    let mut entries = open.state.as_mut().ok_or_else(none).map(|state| std::mem::take(&mut state.entries))?;
    let mut release = open.release(None);
    open.publish(&mut release, &mut entries)?;
    let until = release.validity.seconds().map(|seconds| release.date.seconds().saturating_add(seconds));
    let valid_until = until.and_then(|until| Epoch::from_seconds(i64::from(until)).ok());
    Ok(Refreshed { packages: entries.len(), valid_until })
}
