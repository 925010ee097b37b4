//! The packages that `stackdeb lock` has chosen, each with its version, its digest, the index that named it, and its path in
//! the archive's pool. A build takes exactly these. The lock names no mirror: the address comes from wherever the build finds
//! its mirrors, and no index is read.

mod error;
mod moved;
pub mod pins;
mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::archive::ReleaseInfo;
use super::fetch::{FetchError, MirrorClient};
use super::pool;
use super::record::{DebOrigin, PackageIndex, Record};
use super::snapshot::Snapshot;
use super::sources::Sources;
use super::suite::Suite;
use crate::control::{PackageName, Priority, Relations, Stanza, Version};
use crate::deb::Reader;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

pub use error::LockError;
pub use moved::{Moved, moved};
pub use text::split;

/// What the part of `stack.lock` about packages says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLock {
    /// The release of the distribution.
    pub suite: &'static Suite,
    /// What was asked for: relations as in `Depends`, sorted.
    pub requires: Vec<String>,
    /// The Release files that the versions were found with.
    pub releases: Vec<LockedRelease>,
    /// Sorted by name.
    pub packages: Vec<LockedPackage>,
}

/// A Release file, as a lock names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRelease {
    /// Its folder under `dists/`: `trixie-security`.
    pub suite: String,
    pub date: Epoch,
    /// The digest of the InRelease file.
    pub sha256: Sha256,
}

/// A package at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPackage {
    pub name: PackageName,
    pub version: Version,
    /// The length of its file in bytes, and the digest of it.
    pub size: u64,
    pub sha256: Sha256,
    /// The suite and the component whose index named it.
    pub suite: String,
    pub component: String,
    /// The date of that suite's Release file, if it was another one than that of the lock: no index has the version any more.
    pub date: Option<Epoch>,
    /// The path of the file below the address of the archive.
    pub path: String,
    /// Whether it is of the priority `required`, so that nothing else has to ask for it.
    pub required: bool,
}

/// Where the files of locked packages are.
#[derive(Debug, Clone, Copy)]
pub struct Archives<'a> {
    pub sources: &'a Sources,
    /// The address of a server that keeps old versions, for files that the mirror has deleted.
    pub snapshot: Option<&'a str>,
}

impl PackageLock {
    /// A lock with these packages. What is a file of this machine is left out.
    pub fn new(suite: &'static Suite, requires: Vec<String>, releases: &[ReleaseInfo], records: &[Record]) -> Self {
        let release =
            |info: &ReleaseInfo| LockedRelease { suite: info.suite.clone(), date: info.date, sha256: info.sha256 };
        let mut packages: Vec<LockedPackage> = records.iter().filter_map(LockedPackage::of).collect();
        packages.sort_by(|one, other| one.name.cmp(&other.name));
        Self { suite, requires, releases: releases.iter().map(release).collect(), packages }
    }

    /// The newest date of its Release files. It is the time of what is built from the lock.
    pub fn date(&self) -> Epoch {
        self.releases.iter().map(|release| release.date).max().unwrap_or_default()
    }

    /// A digest of all that it says.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.to_text().as_bytes())
    }

    /// Costs a look at each package.
    pub fn find(&self, name: &str) -> Option<&LockedPackage> {
        self.packages.iter().find(|package| package.name.as_str() == name)
    }

    /// The same with these packages alone.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<String>) -> Self {
        let packages = self.packages.iter().filter(|package| names.contains(package.name.as_str())).cloned().collect();
        Self { packages, ..self.clone() }
    }

    /// Keeps the dates of the packages `names`, which no index has any more, as the lock `old` has them.
    pub fn keep_dates(&mut self, old: &Self, names: &BTreeSet<String>) {
        for package in self.packages.iter_mut().filter(|package| names.contains(package.name.as_str())) {
            let before = old.find(package.name.as_str()).filter(|before| before.sha256 == package.sha256);
            let Some(before) = before else { continue };
            let release = old.releases.iter().find(|release| release.suite == before.suite);
            package.date = before.date.or_else(|| release.map(|release| release.date));
        }
    }

    /// Checks that the lock was made for this suite.
    ///
    /// # Errors
    /// When it was made for another one. `path` is the lock's, for the message.
    pub fn check_suite(&self, suite: &Suite, path: &str) -> Result<(), LockError> {
        if self.suite == suite {
            return Ok(());
        }
        let why = format!("its packages are of {}, and [image] suite is {}", self.suite.name, suite.name);
        Err(LockError::Stale { path: path.to_owned(), why })
    }

    /// Checks that the lock was made for what is asked for, sorted as by [`requires`].
    ///
    /// # Errors
    /// When it was made for something else. `path` is the lock's, for the message.
    pub fn check_requires(&self, requires: &[String], path: &str) -> Result<(), LockError> {
        let missing = |these: &[String], those: &[String]| {
            let all: Vec<String> =
                these.iter().filter(|one| !those.contains(one)).map(|one| format!("`{one}`")).collect();
            (!all.is_empty()).then(|| all.join(", "))
        };
        let why = match (missing(requires, &self.requires), missing(&self.requires, requires)) {
            (None, None) => return Ok(()),
            (Some(new), None) => format!("the packages {new} are asked for, which it was not made for"),
            (None, Some(old)) => format!("it was made for the packages {old}, which nothing asks for any more"),
            (Some(new), Some(old)) => format!("the packages {new} are asked for, and it was made for {old}"),
        };
        Err(LockError::Stale { path: path.to_owned(), why })
    }

    /// Downloads the packages that are not in the pool, and reads what they say about themselves.
    ///
    /// # Errors
    /// When one cannot be had or read, or is another package than the lock says. `path` is the lock's, for the message.
    pub fn records(
        &self,
        cache: &Cache,
        client: &MirrorClient,
        archives: Archives<'_>,
        path: &str,
    ) -> Result<Vec<Record>, LockError> {
        let files: Vec<pool::PoolFile> = self.packages.iter().map(|one| self.file(one, archives)).collect();
        let paths = pool::fetch(cache, client, &files).map_err(|error| self.explain(error, archives))?;
        let read = |(package, file): (&LockedPackage, PathBuf)| {
            let record = package.record(Reader::open(&file)?.control()?, archives);
            record.ok_or_else(|| LockError::wrong(path, format!("{} is not what its file says", package.name)))
        };
        self.packages.iter().zip(paths).map(read).collect()
    }

    /// Downloads the files of records that [`PackageLock::records`] has returned, as [`pool::download`] does.
    ///
    /// # Errors
    /// When one cannot be had.
    pub fn download(
        &self,
        cache: &Cache,
        client: &MirrorClient,
        archives: Archives<'_>,
        records: &[&Record],
    ) -> Result<Vec<PathBuf>, LockError> {
        let file = |record: &&Record| match (&record.origin, self.find(record.name.as_str())) {
            (DebOrigin::Archive { .. }, Some(package)) => self.file(package, archives),
            _ => pool::PoolFile::of(record),
        };
        let files: Vec<pool::PoolFile> = records.iter().map(file).collect();
        pool::fetch(cache, client, &files).map_err(|error| self.explain(error, archives))
    }

    fn file(&self, package: &LockedPackage, archives: Archives<'_>) -> pool::PoolFile {
        let base = archives.sources.base_of(self.suite, &package.suite);
        let mut urls = vec![format!("{base}/{}", package.path)];
        if let Some(server) = archives.snapshot {
            let dated = self.releases.iter().find(|release| release.suite == package.suite);
            let date = package.date.or_else(|| dated.map(|release| release.date)).unwrap_or_else(|| self.date());
            urls.push(Snapshot { server, suite: self.suite }.url(&package.suite, date, &package.path));
        }
        pool::PoolFile::Archive { urls, size: package.size, sha256: package.sha256 }
    }

    /// A file that the mirror has deleted gets an error of its own, different from that of a wrong mirror.
    fn explain(&self, error: FetchError, archives: Archives<'_>) -> LockError {
        let FetchError::NotFound { url } = &error else { return error.into() };
        let Some(package) = self.packages.iter().find(|package| url.ends_with(&package.path)) else {
            return error.into();
        };
        let (name, version, url) = (package.name.to_string(), package.version.to_string(), url.clone());
        match archives.snapshot {
            None => LockError::Gone { name, version, url },
            Some(_) => LockError::Nowhere { name, version, url },
        }
    }
}

impl LockedPackage {
    fn of(record: &Record) -> Option<Self> {
        let DebOrigin::Archive { index, filename } = &record.origin else { return None };
        Some(Self {
            name: record.name.clone(),
            version: record.version.clone(),
            size: record.size,
            sha256: record.sha256,
            suite: index.suite.clone(),
            component: index.component.clone(),
            date: None,
            path: filename.to_string(),
            required: record.priority == Priority::Required,
        })
    }

    /// The record that is made of this control data. `None` if the control data describe another package or version.
    fn record(&self, mut control: Stanza, archives: Archives<'_>) -> Option<Record> {
        let suite = Suite::of_pocket(&self.suite)?;
        let base = archives.sources.base_of(suite, &self.suite).to_owned();
        let index = PackageIndex { base, suite: self.suite.clone(), component: self.component.clone() };
        control.set("Filename", self.path.as_str());
        control.set("Size", self.size.to_string());
        control.set("SHA256", self.sha256.to_string());
        // apt uses the priority in the archive's index, not the one in the package.
        control.set("Priority", if self.required { "required" } else { "optional" });
        let record = Record::from_index(&control, &Arc::new(index)).ok()??;
        (record.name == self.name && record.version.as_str() == self.version.as_str()).then_some(record)
    }
}

/// What is asked for, in the form in which a lock keeps it.
pub fn requires(asked: &[Relations]) -> Vec<String> {
    let mut all: Vec<String> = asked.iter().flat_map(|relations| &relations.0).map(ToString::to_string).collect();
    all.sort();
    all.dedup();
    all
}
