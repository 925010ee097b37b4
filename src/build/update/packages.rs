//! Moves the packages of a lock to the versions that the archive has now: all of them, or some with what these need.

use std::collections::BTreeSet;
use std::path::Path;

use super::names::NamedForUpdate;
use crate::apt::lock::{Moved, moved, pins};
use crate::apt::{OlderRelease, PackageLock, Record, Releases, Suite, Universe};
use crate::build::archive::Repository;
use crate::build::asked::{AskedPackages, StackPackage};
use crate::build::choice::{PackageChoice, WantedPackages};
use crate::build::lock_file::write_packages;
use crate::build::locked_image::LockedImage;
use crate::build::source::Source;
use crate::stack::{Stack, fit_together};
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// Writes the packages of the lock `path` of an image of `stacks` again, which are `locked` now, and returns those that are
/// different. If no package is named, the lock stays as it is, unless the stacks ask for other packages than before.
///
/// # Errors
/// As [`crate::build::lock::write`].
pub(super) fn update(
    stacks: &[Stack],
    locked: &LockedImage,
    path: &Path,
    suite: &'static Suite,
    named: &NamedForUpdate,
    older: OlderRelease,
    reporter: Reporter,
) -> miette::Result<Vec<Moved>> {
    let Some(stack) = stacks.first() else { return Ok(Vec::new()) };
    fit_together(stacks)?;
    userns::enter()?;
    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let AskedPackages { packages, relations: asked, requires } =
        AskedPackages::of(stacks, suite, StackPackage::Installed, &cache, work.path(), reporter)?;
    if !named.is_all && named.packages.is_empty() && requires == locked.lock.requires {
        return Ok(Vec::new());
    }
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let source = Source::Archive(repository.releases(&cache, older)?);
    let wanted = WantedPackages::of_image(stacks, &packages, &asked, &repository, &source);
    let mut unknown = BTreeSet::new();
    let PackageChoice { records, warnings } = match &source {
        Source::Archive(releases) if !named.is_all => {
            let (universe, gone) = held(locked, named.packages.clone(), releases, &cache, &repository)?;
            unknown = gone;
            wanted.choose_from(universe)?
        }
        _ => wanted.choose(&cache, work.path(), reporter)?,
    };
    warnings.iter().for_each(|warning| reporter.warn(warning));
    let mut new = PackageLock::new(suite, requires, &source.infos(&repository), &records);
    new.keep_dates(&locked.lock, &unknown);
    let moved = moved(&locked.lock, &new);
    // Newer Release files alone would change the bytes of the image for nothing.
    if new.packages != locked.lock.packages || new.requires != locked.lock.requires {
        write_packages(stack, path, &new)?;
    }
    Ok(moved)
}

/// What there is to choose from when only some are `moving`, and the names of the locked packages that no index has any more.
fn held(
    locked: &LockedImage,
    moving: BTreeSet<String>,
    releases: &Releases,
    cache: &Cache,
    repository: &Repository,
) -> miette::Result<(Universe, BTreeSet<String>)> {
    let archive: Vec<Record> = releases.records(cache, &repository.client)?;
    let (mut all, unknown) = pins::known(&locked.lock, &archive, &moving);
    all.extend(locked.records_of(&unknown, cache, repository)?);
    Ok((pins::universe(archive, &all, moving)?, unknown))
}
