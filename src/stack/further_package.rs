//! The further binary packages that are made from a stack: the entries of `[[package]]` after the first one. Their version,
//! maintainer, licence and changelog are those of the stack's own package.

use super::further_file::FurtherFile;
use super::relations::OtherRelations;
use crate::control::{PackageName, Priority, Relations};

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
