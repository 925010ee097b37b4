//! What an image is asked to have: the packages of the stacks, which are built first, since what they depend on is known only
//! then, and what every machine has.

use std::path::Path;

use miette::IntoDiagnostic;

use super::built_package::BuiltPackage;
use super::local::Local;
use super::package;
use crate::apt::{Suite, lock};
use crate::control::Relations;
use crate::rootfs::packages;
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::progress::Reporter;

/// Whether the image has the stack's own package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackPackage {
    Installed,
    /// Only the packages that it depends on are installed: a clean machine, on which the package can be tried.
    LeftOut,
}

/// What all the stacks of an image ask for together.
pub(super) struct AskedPackages {
    /// In the order of the stacks.
    pub packages: Vec<BuiltPackage>,
    /// The packages that are wanted for their own sake.
    pub relations: Vec<Relations>,
    /// What is asked of the distribution, whether or not the stacks' own packages are installed: what a lock is made for.
    pub requires: Vec<String>,
}

impl AskedPackages {
    /// Builds the packages of `stacks` below the folder `work`.
    ///
    /// # Errors
    /// As [`package::build`].
    pub fn of(
        stacks: &[Stack],
        suite: &Suite,
        own: StackPackage,
        cache: &Cache,
        work: &Path,
        reporter: Reporter,
    ) -> miette::Result<Self> {
        let kept = Store::new(cache.packages(), work.to_owned()).into_diagnostic()?;
        let machine = machine_packages(stacks, suite)?;
        let mut asked = Self { packages: Vec::new(), relations: vec![machine.clone()], requires: Vec::new() };
        for stack in stacks {
            // In a folder of its own, which the scripts of packages see.
            let package = package::build(stack, &work.join("package"), Some(&kept), reporter)?;
            for sentence in package.notes.left_out_in_all() {
                reporter.say(&sentence);
            }
            package.warnings().iter().for_each(|warning| reporter.warn(warning));
            asked.relations.push(stack.package.name.as_str().parse().into_diagnostic()?);
            asked.packages.push(package);
        }
        let local = || Local::of(asked.packages.iter().flat_map(BuiltPackage::files).map(|file| file.control));
        asked.requires = requires(stacks, machine, &local())?;
        if own == StackPackage::LeftOut {
            let relations = asked.relations.iter().map(|relations| local().replaced(relations));
            asked.relations = relations.collect::<miette::Result<_>>()?;
        }
        Ok(asked)
    }
}

/// What is asked of the distribution: the packages of the machine, and what the stacks' packages need, which are `local`.
///
/// # Errors
/// When a relation in the control data is not valid.
pub(super) fn requires(stacks: &[Stack], machine: Relations, local: &Local) -> miette::Result<Vec<String>> {
    let mut asked = machine;
    for stack in stacks {
        let own: Relations = stack.package.name.as_str().parse().into_diagnostic()?;
        asked.0.extend(own.0);
    }
    Ok(lock::requires(&[local.replaced(&asked)?]))
}

/// What the image holds beside the stacks.
///
/// # Errors
/// When a name in the table is not valid.
pub(super) fn machine_packages(stacks: &[Stack], suite: &Suite) -> miette::Result<Relations> {
    let names = packages::MACHINE.iter().chain([&suite.kernel]).copied().collect::<Vec<_>>().join(", ");
    let mut relations: Relations = names.parse().into_diagnostic()?;
    relations.0.extend(stacks.iter().flat_map(|stack| &stack.image.packages.0).cloned());
    Ok(relations)
}
