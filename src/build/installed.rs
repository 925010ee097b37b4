//! Which Debian packages were installed where a part of a package was made: the roots of build commands and of libraries that
//! are built from their source. A `.buildinfo` file names them.

use std::collections::BTreeMap;

use crate::control::{PackageName, Version};

/// The packages of all roots that a build had, or would have had if their results had not been kept.
#[derive(Debug, Clone, Default)]
pub struct InstalledInRoots {
    packages: BTreeMap<PackageName, Version>,
    /// A kept result was used. Only the archive knows which packages made it, and the archive did not answer.
    unknown: bool,
}

impl InstalledInRoots {
    pub(super) fn known(packages: BTreeMap<PackageName, Version>) -> Self {
        Self { packages, unknown: false }
    }

    pub(super) fn unknown() -> Self {
        Self { packages: BTreeMap::new(), unknown: true }
    }

    /// The packages of both. Unknown if those of one are unknown.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.packages.extend(other.packages);
        self.unknown |= other.unknown;
        self
    }

    /// `None` when not all of them are known.
    pub fn packages(&self) -> Option<&BTreeMap<PackageName, Version>> {
        (!self.unknown).then_some(&self.packages)
    }
}
