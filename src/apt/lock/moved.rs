//! Two locks → what is different between them.

use std::collections::BTreeSet;

use super::{LockedPackage, PackageLock};

/// A package that is another one than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub name: String,
    /// The version before; `None` if it is new.
    pub from: Option<String>,
    /// The version now; `None` if it is gone.
    pub to: Option<String>,
    /// Whether the version comes from the archive of security updates.
    pub is_security: bool,
}

/// The packages whose versions differ, in the order of their names.
pub fn moved(old: &PackageLock, new: &PackageLock) -> Vec<Moved> {
    let names: BTreeSet<&str> = old.packages.iter().chain(&new.packages).map(|one| one.name.as_str()).collect();
    let version = |package: &LockedPackage| package.version.to_string();
    names
        .into_iter()
        .map(|name| {
            let (from, to) = (old.find(name), new.find(name));
            let is_security = to.is_some_and(|package| package.suite == new.suite.security);
            Moved { name: name.to_owned(), from: from.map(version), to: to.map(version), is_security }
        })
        .filter(|moved| moved.from != moved.to)
        .collect()
}
