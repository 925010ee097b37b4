//! What is uploaded to an archive beside a package: the `.buildinfo` file (deb-buildinfo(5)), which says with what the package
//! was built, and the `.changes` file (deb-changes(5)), which names the files of the upload. A package's control data, its
//! newest changes and its files → both, as stanzas. They are not signed: `debsign` does that.

mod buildinfo;
mod changes;
mod distribution;
mod file;

use std::collections::{BTreeMap, BTreeSet};

pub use distribution::{DistributionError, UploadDistribution};
pub use file::UploadedFile;

use crate::control::{PackageName, Stanza, Version};
use crate::system::epoch::Epoch;

/// An upload of the binary packages of one source. The source package has the name and version of the first of them, and is not
/// uploaded.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The control data of the first package.
    pub control: Stanza,
    /// The same of the further ones, and of those with the debugging data of programs.
    pub beside: Vec<Stanza>,
    /// Where the archive is to put the package.
    pub distribution: UploadDistribution,
    /// `low`, `medium` or `high`: how soon archives let it in.
    pub urgency: &'static str,
    /// The newest entry of the changelog (Debian Policy 4.4): its first line, an empty one, and what is different.
    pub changes: String,
    /// The date of that entry.
    pub date: Epoch,
    /// The time of everything in the package.
    pub built: Epoch,
    /// The Debian packages that were installed where it was built.
    pub installed: BTreeMap<PackageName, Version>,
}

impl Upload {
    fn field(&self, name: &str) -> &str {
        self.control.get(name).unwrap_or_default()
    }

    fn controls(&self) -> impl Iterator<Item = &Stanza> {
        [&self.control].into_iter().chain(&self.beside)
    }

    /// What all packages have in a field, each once, in alphabetical order.
    fn all(&self, field: &str) -> String {
        let all: BTreeSet<&str> = self.controls().filter_map(|control| control.get(field)).collect();
        all.into_iter().collect::<Vec<_>>().join(" ")
    }

    /// The control data of the package in a file; those of the first one for a file that is no package.
    fn control_of(&self, file: &UploadedFile) -> &Stanza {
        let package = file.name.split('_').next().filter(|_| file.name.ends_with(".deb"));
        let of_file = self.controls().find(|control| package.is_some() && control.get("Package") == package);
        of_file.unwrap_or(&self.control)
    }
}

/// A field with one line for each of `items`, below the field's name.
fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|line| format!("\n{line}")).collect()
}
