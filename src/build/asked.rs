//! What an image is asked to have: the packages of the stacks, which are built first, since what they depend on is known only
//! then, and what every machine has.

use std::path::Path;

use miette::IntoDiagnostic;

use super::image::{StackPackage, warn};
use super::package::{self, BuiltPackage};
use crate::apt::{Suite, lock};
use crate::control::{Relations, Stanza};
use crate::rootfs::packages;
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::progress::Reporter;

/// The packages of the stacks, and what is asked for.
pub(super) struct Asked {
    /// In the order of the stacks.
    pub packages: Vec<BuiltPackage>,
    /// The packages that are wanted for their own sake.
    pub relations: Vec<Relations>,
    /// What is asked of the distribution, whether or not the stacks' own packages are installed: what a lock is made for.
    pub requires: Vec<String>,
}

impl Asked {
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
            warn(&package.warnings(), reporter);
            asked.relations.push(match own {
                StackPackage::LeftOut => package.depends.clone(),
                StackPackage::Installed => stack.package.name.as_str().parse().into_diagnostic()?,
            });
            asked.packages.push(package);
        }
        asked.requires = requires(machine, asked.packages.iter().map(|package| &package.control))?;
        Ok(asked)
    }
}

/// What is asked of the distribution: the packages of the machine, and what the stacks' packages with these control data need.
///
/// # Errors
/// When a relation in the control data is not valid.
pub(super) fn requires<'a>(
    machine: Relations,
    controls: impl IntoIterator<Item = &'a Stanza>,
) -> miette::Result<Vec<String>> {
    let mut all = vec![machine];
    for control in controls {
        for field in ["Pre-Depends", "Depends"] {
            all.push(control.get(field).unwrap_or_default().parse().into_diagnostic()?);
        }
    }
    Ok(lock::requires(&all))
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
