//! Where the versions of an image's packages come from: from what the archive has now, or from `stack.lock`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::archive::Repository;
use super::locked_image::LockedImage;
use crate::apt::{Record, ReleaseInfo, Releases, pool};
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;

/// The origin of all packages but the stacks' own.
pub(super) enum Source {
    Archive(Releases),
    Lock(LockedImage),
}

impl Source {
    /// What an image's manifest records.
    pub fn infos(&self, repository: &Repository) -> Vec<ReleaseInfo> {
        match self {
            Self::Archive(releases) => releases.infos(),
            Self::Lock(locked) => locked
                .lock
                .releases
                .iter()
                .map(|release| ReleaseInfo {
                    base: repository.sources.base_of(locked.lock.suite, &release.suite).to_owned(),
                    suite: release.suite.clone(),
                    date: release.date,
                    sha256: release.sha256,
                })
                .collect(),
        }
    }

    /// The time of what is built from it.
    pub fn date(&self) -> Epoch {
        match self {
            Self::Archive(releases) => releases.date(),
            Self::Lock(locked) => locked.lock.date(),
        }
    }

    /// All that the packages that it has follow from.
    pub fn description(&self, repository: &Repository) -> String {
        let mut text = String::new();
        for release in self.infos(repository) {
            let _ = writeln!(text, "{} {} {}", release.base, release.suite, release.sha256);
        }
        if let Self::Lock(locked) = self {
            let _ = writeln!(text, "locked {}", locked.lock.digest());
        }
        text
    }

    /// Downloads the files of packages that were chosen from it, as [`pool::download`] does.
    ///
    /// # Errors
    /// When one cannot be had.
    pub fn download(&self, cache: &Cache, repository: &Repository, chosen: &[&Record]) -> miette::Result<Vec<PathBuf>> {
        match self {
            Self::Archive(_) => Ok(pool::download(cache, &repository.client, chosen)?),
            Self::Lock(locked) => {
                Ok(locked.lock.download(cache, &repository.client, locked.archives(repository), chosen)?)
            }
        }
    }
}
