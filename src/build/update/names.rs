//! The names on the command line of `stackdeb update` → the packages and the libraries of the locks that they mean.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::control::{NameError, PackageName};
use crate::python::{LibraryName, lock::Pin};
use crate::stack::nearest;

/// A name that may be that of a package, of a library, or of both.
#[derive(Debug, Clone)]
pub struct Name {
    /// As the user has written it.
    shown: String,
    package: Option<PackageName>,
    library: Option<LibraryName>,
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (package, library) = (text.parse(), text.parse().ok());
        match package {
            Err(error) if library.is_none() => Err(error),
            package => Ok(Self { shown: text.to_owned(), package: package.ok(), library }),
        }
    }
}

/// What is to move; all of it if the user has named nothing.
pub(super) struct NamedForUpdate {
    pub is_all: bool,
    pub packages: BTreeSet<String>,
    pub libraries: BTreeSet<LibraryName>,
}

impl NamedForUpdate {
    /// Finds `names` among the `packages` and the `libraries` of all locks.
    ///
    /// # Errors
    /// When one is the name of neither.
    pub fn of(names: &[Name], packages: &[PackageName], libraries: &[&Pin]) -> miette::Result<Self> {
        let mut named = Self { is_all: names.is_empty(), packages: BTreeSet::new(), libraries: BTreeSet::new() };
        for name in names {
            let package = packages.iter().find(|package| name.package.as_ref() == Some(package));
            let library = libraries.iter().find(|pin| name.library.as_ref() == Some(&pin.name));
            if package.is_none() && library.is_none() {
                return Err(unknown(name, packages, libraries));
            }
            named.packages.extend(package.map(ToString::to_string));
            named.libraries.extend(library.map(|pin| pin.name.clone()));
        }
        Ok(named)
    }
}

fn unknown(name: &Name, packages: &[PackageName], libraries: &[&Pin]) -> miette::Report {
    let all = libraries.iter().map(|pin| pin.name.as_ref()).chain(packages.iter().map(PackageName::as_str));
    let all: Vec<&str> = all.collect();
    let hint = nearest(&name.shown, &all).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    miette::miette!(
        help = "name a package or a library that stack.lock has; what uv.lock, poetry.lock or pylock.toml has is moved by the tool \
                that wrote it",
        "the lock has no package and no library `{}`{hint}",
        name.shown
    )
}
