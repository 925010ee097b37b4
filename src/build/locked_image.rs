//! The packages that an image has when its stack has a lock: those of `stack.lock`, and no others.

use std::collections::BTreeSet;

use super::archive::Repository;
use super::lock_file::LockFile;
use crate::apt::lock::Archives;
use crate::apt::{PackageLock, Record, Suite};
use crate::stack::Stack;
use crate::system::cache::Cache;

/// The packages that a project's lock names for an image.
pub(super) struct LockedImage {
    pub lock: PackageLock,
    /// The file's name, for messages.
    shown: String,
    snapshot: Option<String>,
}

impl LockedImage {
    /// Reads the lock that holds for `stack`, the first one of an image. `None` if it names no packages.
    ///
    /// # Errors
    /// When it cannot be read, or was made for another suite.
    pub fn of(stack: &Stack, suite: &'static Suite) -> miette::Result<Option<Self>> {
        let Some(file) = LockFile::of(stack)? else { return Ok(None) };
        let Some(lock) = PackageLock::parse(&file.text, &file.shown)? else { return Ok(None) };
        lock.check_suite(suite, &file.shown)?;
        Ok(Some(Self { lock, shown: file.shown, snapshot: stack.image.snapshot_mirror.clone() }))
    }

    /// The same, if it was made for what is asked for.
    ///
    /// # Errors
    /// When it was not.
    pub fn checked(self, requires: &[String]) -> miette::Result<Self> {
        self.lock.check_requires(requires, &self.shown)?;
        Ok(self)
    }

    /// The mirrors of `repository`, and the server of old versions for what they do not have any more.
    pub fn archives<'a>(&'a self, repository: &'a Repository) -> Archives<'a> {
        Archives { sources: &repository.sources, snapshot: self.snapshot.as_deref() }
    }

    /// All of its packages, whose files are downloaded for that.
    ///
    /// # Errors
    /// When one cannot be had, or is not what the lock says.
    pub fn records(&self, cache: &Cache, repository: &Repository) -> miette::Result<Vec<Record>> {
        Ok(self.lock.records(cache, &repository.client, self.archives(repository), &self.shown)?)
    }

    /// The same for some of them.
    ///
    /// # Errors
    /// As [`LockedImage::records`].
    pub fn records_of(
        &self,
        names: &BTreeSet<String>,
        cache: &Cache,
        repository: &Repository,
    ) -> miette::Result<Vec<Record>> {
        Ok(self.lock.only(names).records(cache, &repository.client, self.archives(repository), &self.shown)?)
    }

    /// The error for a package of the lock that nothing asks for: somebody has changed the lock by hand.
    pub fn unasked(&self, extra: &Record) -> miette::Report {
        miette::miette!(
            help = "run `stackdeb lock --packages`, which writes the part about packages again",
            "{} names the package {}, which nothing asks for",
            self.shown,
            extra.name
        )
    }
}
