//! Moves the packages of `stack.lock` to the versions that the archive has now: all of them, or some with what these need.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::archive::Repository;
use super::asked::Asked;
use super::choice::{Choice, Wanted};
use super::image::{self, StackPackage, warn};
use super::lock_packages::LockedImage;
use super::source::Source;
use super::{libraries, lock};
use crate::apt::lock::{Moved, moved, pins};
use crate::apt::{OlderRelease, PackageLock, Record, Releases, Universe};
use crate::control::PackageName;
use crate::stack::{Stack, fit_together, nearest};
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// What became of a lock.
pub struct Updated {
    pub path: PathBuf,
    /// In the order of their names; empty if the lock was left as it is.
    pub moved: Vec<Moved>,
}

/// Writes the lock of an image of `stacks` anew, with the newest versions of the packages `names`; without names, of all packages.
/// If nothing is different, it stays as it is.
///
/// # Errors
/// When there is no lock with packages, it does not have one of the names, or as [`lock::write`]. The lock is then as it was.
pub fn update(
    stacks: &[Stack],
    names: &[PackageName],
    older: OlderRelease,
    reporter: Reporter,
) -> miette::Result<Updated> {
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to update the lock of")) };
    let suite = image::suite_of(stack)?;
    let path = libraries::lock_to_read(stack);
    let Some(locked) = LockedImage::of(stack, suite)? else {
        return Err(miette::miette!(
            help = "run `stackdeb lock`, which makes it",
            "there is no lock of the packages in {}",
            path.display()
        ));
    };
    for name in names {
        check_name(name, &locked.lock)?;
    }
    fit_together(stacks)?;
    userns::enter()?;
    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let Asked { packages, relations: asked, requires } =
        Asked::of(stacks, suite, StackPackage::Installed, &cache, work.path(), reporter)?;
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let source = Source::Archive(repository.releases(&cache, older)?);
    let wanted = Wanted::of_image(stacks, &packages, &asked, &repository, &source);
    let mut unknown = BTreeSet::new();
    let Choice { records, warnings } = match &source {
        Source::Archive(releases) if !names.is_empty() => {
            let (universe, gone) = held(&locked, names, releases, &cache, &repository)?;
            unknown = gone;
            wanted.choose_from(universe)?
        }
        _ => wanted.choose(&cache, work.path(), reporter)?,
    };
    warn(&warnings, reporter);
    let mut new = PackageLock::new(suite, requires, &source.infos(&repository), &records);
    new.keep_dates(&locked.lock, &unknown);
    let moved = moved(&locked.lock, &new);
    // Newer Release files alone would change the bytes of the image for nothing.
    if new.packages != locked.lock.packages || new.requires != locked.lock.requires {
        lock::write_packages(stack, &path, &new)?;
    }
    Ok(Updated { path, moved })
}

fn check_name(name: &PackageName, lock: &PackageLock) -> miette::Result<()> {
    if lock.find(name.as_str()).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = lock.packages.iter().map(|package| package.name.as_str()).collect();
    let hint = nearest(name.as_str(), &names).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    Err(miette::miette!(
        help = "name a package of the image; a library from PyPI is moved by `stackdeb lock --libraries`",
        "the lock has no package `{name}`{hint}"
    ))
}

/// What there is to choose from when only `names` move, and the names of the locked packages that no index has any more.
fn held(
    locked: &LockedImage,
    names: &[PackageName],
    releases: &Releases,
    cache: &Cache,
    repository: &Repository,
) -> miette::Result<(Universe, BTreeSet<String>)> {
    let archive: Vec<Record> = releases.records(cache, &repository.client)?;
    let moving: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let (mut all, unknown) = pins::known(&locked.lock, &archive, &moving);
    all.extend(locked.records_of(&unknown, cache, repository)?);
    Ok((pins::universe(archive, &all, moving)?, unknown))
}
