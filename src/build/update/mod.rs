//! Moves `stack.lock` to what there is now: its libraries to the newest versions of the index, its packages to those of the
//! archive. Everything moves, or what is named, with what that needs and no others.

mod libraries;
mod names;
mod packages;

use std::path::PathBuf;

use self::names::NamedForUpdate;
use super::image_suite::suite_of;
use super::lock_file::lock_to_read;
use super::locked_image::LockedImage;
use super::{libraries as locks, lock};
use crate::apt::lock::Moved;
use crate::apt::{OlderRelease, Suite};
use crate::control::PackageName;
use crate::python::lock::Pin;
use crate::stack::Stack;
use crate::system::progress::Reporter;

pub use names::Name;

/// What became of the locks.
pub struct Updated {
    /// The lock of the first stack.
    pub path: PathBuf,
    /// The name of each stack with libraries, and those that are different, in the order of their names.
    pub libraries: Vec<(PackageName, Vec<Moved>)>,
    /// In the order of their names.
    pub packages: Vec<Moved>,
}

/// Writes the locks of `stacks` again, with the newest versions of the packages and libraries `names`; without names, of all.
/// The lock of the first has the packages of an image of all of them. A lock in which nothing is different stays as it is.
///
/// # Errors
/// When there is no lock, no lock has one of the names, or as [`lock::write`]. All locks are then as they were.
pub fn update(stacks: &[Stack], names: &[Name], older: OlderRelease, reporter: Reporter) -> miette::Result<Updated> {
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to update the lock of")) };
    let path = lock_to_read(stack);
    let suite = Suite::find(&stack.image.suite)?;
    let image = LockedImage::of(stack, suite)?;
    let libraries: Vec<Option<Vec<Pin>>> = stacks.iter().map(locks::locked).collect::<miette::Result<_>>()?;
    if image.is_none() && libraries.iter().all(Option::is_none) {
        return Err(miette::miette!(
            help = "run `stackdeb lock`, which makes it",
            "{} has neither libraries nor packages that could be moved",
            path.display()
        ));
    }
    let of_image: Vec<PackageName> =
        image.iter().flat_map(|image| &image.lock.packages).map(|package| package.name.clone()).collect();
    let named = NamedForUpdate::of(names, &of_image, &libraries.iter().flatten().flatten().collect::<Vec<_>>())?;
    if image.is_some() {
        suite_of(stack)?;
    }
    lock::all_or_nothing(stacks.iter().map(lock_to_read).collect(), || {
        let mut updated = Updated { path: path.clone(), libraries: Vec::new(), packages: Vec::new() };
        for (stack, locked) in stacks.iter().zip(libraries) {
            let Some(locked) = locked else { continue };
            let moved = libraries::update(stack, locked, &named, reporter)?;
            updated.libraries.push((stack.package.name.clone(), moved));
        }
        if let Some(image) = &image {
            updated.packages = packages::update(stacks, image, &path, suite, &named, older, reporter)?;
        }
        Ok(updated)
    })
}
