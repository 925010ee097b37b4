//! The further binary packages that are made from a stack: the entries of `[[package]]` after the first one. Their version,
//! maintainer, licence and changelog are those of the stack's own package.

use super::{FurtherFile, OtherRelations, Stack};
use crate::control::{Alternatives, PackageName, Priority, Relations};

/// A package that is built beside the stack's own.
#[derive(Debug, Clone)]
pub struct FurtherPackage {
    pub name: PackageName,
    /// The first line of the description, as in [`PackageInfo`](super::PackageInfo).
    pub summary: String,
    /// The rest of the description: paragraphs separated by empty lines.
    pub description: String,
    pub homepage: Option<String>,
    /// The archive section (Debian Policy 2.4).
    pub section: String,
    /// The priority (Debian Policy 2.5).
    pub priority: Priority,
    /// Without the packages with the libraries that its programs link.
    pub depends: Relations,
    pub relations: OtherRelations,
    /// What it installs, in the order of the manifest: at least one.
    pub files: Vec<FurtherFile>,
}

impl Stack {
    /// The names of the packages that are made from the stack, its own first. Those with debugging data are not among them.
    pub fn package_names(&self) -> impl Iterator<Item = &PackageName> {
        [&self.package.name].into_iter().chain(self.further_packages.iter().map(|further| &further.name))
    }

    /// The entries of `[[file]]` in all of its packages.
    pub fn all_further_files(&self) -> impl Iterator<Item = &FurtherFile> {
        self.further_files.iter().chain(self.further_packages.iter().flat_map(|further| &further.files))
    }

    /// Whether one of these alternatives is a package that is made from the stack, which no archive has.
    pub fn satisfies(&self, alternatives: &Alternatives) -> bool {
        self.package_names().any(|name| alternatives.0.iter().any(|relation| relation.name == *name))
    }
}
