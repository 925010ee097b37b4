//! What the user chose on the command line for the package of a crate.

use super::multiarch::Multiarch;

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The member of the workspace.
    pub package: Option<String>,
    pub variant: Option<String>,
    /// The whole version, in place of the crate's.
    pub deb_version: Option<String>,
    /// In place of the key `revision`.
    pub deb_revision: Option<String>,
    /// The target that cargo builds for, such as `x86_64-unknown-linux-gnu`.
    pub target: Option<String>,
    /// As if the key `dbgsym` were true.
    pub dbgsym: bool,
    pub multiarch: Multiarch,
    /// The maintainer of a crate that names nobody.
    pub maintainer: Option<String>,
}

/// Whether cargo builds the programs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compile {
    Run,
    /// The programs are there from an earlier build: `--no-build`.
    Skip,
}
