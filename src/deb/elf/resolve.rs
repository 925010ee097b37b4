//! Finds the relations of a package from the libraries that its programs link: [`Programs`], and for each library the package
//! with it and what that promises → [`Relations`], by the rules of dpkg-shlibdeps(1), and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::linked::{Linked, Programs};
use super::promises::{LibrarySymbols, Promise, relations};
use crate::control::{Alternatives, PackageName, Relations, Version};

/// What the target's release has of a library.
#[derive(Debug, Clone)]
pub struct LibraryPackage {
    pub name: PackageName,
    pub version: Version,
    pub promise: Promise,
}

/// What a package with these programs depends on, and why that cannot be said.
#[derive(Debug, Clone, Default)]
pub struct Needed {
    pub relations: Relations,
    /// Each library of which no package is known, and a program that links it.
    pub unknown: BTreeMap<String, String>,
    pub too_old: Vec<TooOld>,
}

/// A program that was linked against a newer library than the package has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TooOld {
    pub program: String,
    /// A version of the library, such as `GLIBC_2.38`, or a symbol with its version.
    pub lacks: String,
    pub library: String,
    pub package: PackageName,
    pub version: Version,
}

/// Finds what programs need. `packages` has the libraries that a package is known to have.
pub fn resolve(programs: &Programs, packages: &BTreeMap<String, LibraryPackage>) -> Needed {
    let mut needed = Needed::default();
    // Each relation, as its file writes it, with the lowest version that is to be put into it.
    let mut found: BTreeMap<&str, Option<&Version>> = BTreeMap::new();
    let mut whole = Relations::default();
    let mut too_old = BTreeSet::new();
    for (program, linked) in programs.files() {
        let mut all: Vec<(&str, &LibrarySymbols)> = Vec::new();
        for library in linked.libraries.iter().filter(|library| !programs.shipped.contains(*library)) {
            match packages.get(library).map(|package| &package.promise) {
                None => {
                    needed.unknown.entry(library.clone()).or_insert_with(|| program.to_owned());
                }
                Some(Promise::Whole(relations)) => relations.0.iter().for_each(|one| whole.add(one.clone())),
                Some(Promise::Symbols(symbols)) => {
                    all.push((library, symbols));
                    if let Some((template, lowest)) = symbols.usual() {
                        raise(&mut found, template, lowest);
                    }
                }
            }
        }
        for symbol in &linked.symbols {
            let lowest = all.iter().find_map(|(_, symbols)| symbols.find(&symbol.name));
            if let Some((template, lowest)) = lowest {
                raise(&mut found, template, Some(lowest));
            }
        }
        too_old.extend(lacking(program, linked, &all, packages));
    }
    let mut all: Vec<Alternatives> = Vec::new();
    for (template, lowest) in found {
        all.extend(relations(template, lowest.map(Version::as_str)).unwrap_or_default().0);
    }
    all.extend(whole.0);
    all.sort_by_cached_key(ToString::to_string);
    all.into_iter().for_each(|one| needed.relations.add(one));
    needed.too_old = too_old.into_iter().collect();
    needed
}

/// Each relation of a template has a lowest version of its own.
fn raise<'a>(found: &mut BTreeMap<&'a str, Option<&'a Version>>, template: &'a str, lowest: Option<&'a Version>) {
    for one in template.split(',').map(str::trim) {
        let slot = found.entry(one).or_default();
        *slot = (*slot).max(lowest);
    }
}

/// The versions that the loader does not find in the package's library, and the symbols of the other versions. A symbol may have
/// moved to another library of the program.
fn lacking(
    program: &str,
    linked: &Linked,
    all: &[(&str, &LibrarySymbols)],
    packages: &BTreeMap<String, LibraryPackage>,
) -> Vec<TooOld> {
    let of = |library: &str| all.iter().find(|(name, _)| *name == library).map(|(_, symbols)| *symbols);
    let too_old = |library: &str, lacks: &str| {
        let package = packages.get(library)?;
        let (program, lacks, library) = (program.to_owned(), lacks.to_owned(), library.to_owned());
        Some(TooOld { program, lacks, library, package: package.name.clone(), version: package.version.clone() })
    };
    let mut missing = Vec::new();
    for (library, version) in &linked.versions {
        if of(library).is_some_and(|symbols| !symbols.has_version(version)) {
            missing.extend(too_old(library, version));
        }
    }
    for symbol in linked.symbols.iter().filter(|symbol| !symbol.is_weak) {
        let Some(library) = &symbol.library else { continue };
        let version = symbol.name.rsplit_once('@').map_or("", |(_, version)| version);
        let has_version = of(library).is_some_and(|symbols| symbols.has_version(version));
        if has_version && !all.iter().any(|(_, symbols)| symbols.find(&symbol.name).is_some()) {
            missing.extend(too_old(library, &symbol.name));
        }
    }
    missing
}
