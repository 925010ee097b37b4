//! The packages of the distribution in `stack.lock`: which ones an image has is chosen once, and an image then has exactly
//! these.

use std::collections::BTreeSet;

use miette::Diagnostic;

use super::archive::Repository;
use super::asked::{self, AskedPackages};
use super::choice::{PackageChoice, WantedPackages};
use super::image::{self, StackPackage, warn};
use super::local::Local;
use super::lock;
use super::source::Source;
use crate::apt::lock::Archives;
use crate::apt::{OlderRelease, PackageLock, Record, Suite};
use crate::control::Stanza;
use crate::stack::{Stack, fit_together};
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

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
        let Some(file) = lock::LockFile::of(stack)? else { return Ok(None) };
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

/// Why an image of `stack` alone, whose packages have these control data, would refuse the packages of its lock: in the words of
/// that refusal, with what to do. `None` if it would not, or there is no such lock.
///
/// # Errors
/// When the lock cannot be read, or has a mistake.
pub fn stale<'a>(stack: &Stack, controls: impl IntoIterator<Item = &'a Stanza>) -> miette::Result<Option<String>> {
    let suite = image::suite_of(stack)?;
    let Some(lock::LockFile { text, shown }) = lock::LockFile::of(stack)? else { return Ok(None) };
    let Some(lock) = PackageLock::parse(&text, &shown)? else { return Ok(None) };
    let stacks = std::slice::from_ref(stack);
    let machine = asked::machine_packages(stacks, suite)?;
    let requires = asked::requires(stacks, machine, &Local::of(controls))?;
    let fits = lock.check_suite(suite, &shown).and_then(|()| lock.check_requires(&requires, &shown));
    let Err(error) = fits else { return Ok(None) };
    // What is checked is one stack, and the lock may be that of an image with several.
    let is_part = lock.suite == suite && requires.iter().all(|one| lock.requires.contains(one));
    let others = if is_part { " (that is right if another stack of the image asks for them)" } else { "" };
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    Ok(Some(format!("{error}{others}{help}")))
}

/// Chooses the packages of an image of `stacks` from what the archive has now, without installing any.
///
/// # Errors
/// As [`image::build`], except for errors of installing and writing.
pub fn choose(stacks: &[Stack], older: OlderRelease, reporter: Reporter) -> miette::Result<PackageLock> {
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to lock the packages of")) };
    let suite = image::suite_of(stack)?;
    fit_together(stacks)?;
    userns::enter()?;
    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let own = StackPackage::Installed;
    let AskedPackages { packages, relations: asked, requires } =
        AskedPackages::of(stacks, suite, own, &cache, work.path(), reporter)?;
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let source = Source::Archive(repository.releases(&cache, older)?);
    let wanted = WantedPackages::of_image(stacks, &packages, &asked, &repository, &source);
    let PackageChoice { records, warnings } = wanted.choose(&cache, work.path(), reporter)?;
    warn(&warnings, reporter);
    Ok(PackageLock::new(suite, requires, &source.infos(&repository), &records))
}
