//! The packages with the libraries that programs link: [`Programs`] → relations, from what the packages of the target's suite
//! promise (deb-symbols(5), deb-shlibs(5)). The answers are kept in the cache, and hold as long as the archive stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, IntoDiagnostic};
use serde::{Deserialize, Serialize};

use super::archive::Repository;
use crate::apt::{OlderRelease, Releases, Suite, Universe, library_names, pool};
use crate::control::{Alternatives, Relation, Relations};
use crate::deb::Reader;
use crate::deb::elf::{self, LibraryPackage, Needed, Programs, Promise, TooOld};
use crate::stack::Image;
use crate::system::cache::Cache;
use crate::system::hash::Sha256;
use crate::system::progress::Reporter;
use crate::system::{interrupt, output};

/// A part of each key: a change here makes what was kept before useless.
const FORMAT: &str = "linked libraries 1";

/// Why programs would not run on the target.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum LinkedError {
    #[error("{suite} has no package with a library that is linked{}", lines(.libraries))]
    #[diagnostic(help(
        "install the library beside the program (in the app's folder, or with [[file]]), link it statically, or leave the program \
         out; a program that was built on another release may need another version of the library: build it on {suite}"
    ))]
    Unknown { suite: String, libraries: Vec<String> },
    #[error("programs need newer libraries than {suite} has{}", lines(.missing))]
    #[diagnostic(help("build them on {suite} or an older release, for example in a container of it; {choice}"))]
    TooOld { suite: String, missing: Vec<String>, choice: &'static str },
}

fn lines(all: &[String]) -> String {
    all.iter().map(|line| format!("\n    {line}")).collect()
}

/// The suite that a package is for, and where its archive is.
#[derive(Clone, Copy)]
pub(super) struct TargetSuite<'a> {
    pub suite: &'static Suite,
    /// `None` for a crate: the mirrors of this machine are asked.
    pub image: Option<&'a Image>,
}

/// Finds the packages that programs need.
///
/// # Errors
/// When one links a library that the suite does not have, or a newer one than it has, or when the mirror cannot be asked and was
/// never asked before.
pub(super) fn packages(programs: &Programs, target: TargetSuite, reporter: Reporter) -> miette::Result<Relations> {
    let needed = find(programs, target, Strictness::NothingUnknown, reporter)?;
    if !needed.unknown.is_empty() {
        let libraries = needed.unknown.iter().map(|(library, program)| format!("{program} links {library}"));
        return Err(LinkedError::Unknown { suite: target.suite.title(), libraries: libraries.collect() }.into());
    }
    Ok(needed.relations)
}

/// The same for a package of several that are built together. A library that the suite does not have may be in one of the `others`;
/// its name and version are then what the package depends on.
///
/// # Errors
/// As [`packages`].
pub(super) fn packages_beside(
    programs: &Programs,
    others: &[(Relation, BTreeSet<String>)],
    target: TargetSuite,
    reporter: Reporter,
) -> miette::Result<Relations> {
    let mut programs = programs.clone();
    let mut beside = Relations::default();
    if !others.is_empty() {
        let unknown = find(&programs, target, Strictness::SomeUnknown, reporter)?.unknown;
        for library in unknown.into_keys() {
            let Some((other, _)) = others.iter().find(|(_, shipped)| shipped.contains(&library)) else { continue };
            beside.add(Alternatives(vec![other.clone()]));
            programs.shipped.insert(library);
        }
    }
    let mut relations = packages(&programs, target, reporter)?;
    beside.0.into_iter().for_each(|one| relations.add(one));
    Ok(relations)
}

/// The same for files that may need libraries that no package has, because not each of them is used: the compiled parts of Python
/// libraries. The answer also names the libraries that no package has.
///
/// # Errors
/// When one links a newer library than the suite has.
pub(super) fn packages_and_unknown(
    programs: &Programs,
    target: TargetSuite,
    reporter: Reporter,
) -> miette::Result<Needed> {
    find(programs, target, Strictness::SomeUnknown, reporter)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    NothingUnknown,
    SomeUnknown,
}

fn find(
    programs: &Programs,
    target: TargetSuite,
    strictness: Strictness,
    reporter: Reporter,
) -> miette::Result<Needed> {
    let libraries = programs.libraries();
    if libraries.is_empty() {
        return Ok(Needed::default());
    }
    let cache = Cache::open()?;
    let path = cache.names().join(format!("{}-linked", target.suite.name));
    let mut kept = Kept::read(&path);
    let needed = match ask(&libraries, &mut kept, target, &cache, reporter) {
        Ok(changed) => {
            if changed {
                output::write_file(&path, &serde_json::to_vec(&kept).into_diagnostic()?)?;
            }
            elf::resolve(programs, &kept.packages(&libraries))
        }
        Err(error) => {
            interrupt::check().into_diagnostic()?;
            let (needed, what) = match kept.knows(&libraries) {
                true => (elf::resolve(programs, &kept.packages(&libraries)), "what the last build found"),
                false => (elf::by_table(programs), "what is known of every release"),
            };
            if strictness == Strictness::NothingUnknown && !needed.unknown.is_empty() {
                return Err(error);
            }
            reporter.warn(&format!("{error}; the packages of linked libraries are taken from {what}"));
            needed
        }
    };
    if needed.too_old.is_empty() {
        return Ok(needed);
    }
    let line = |TooOld { program, lacks, library, package, version }: &TooOld| {
        format!("{program} needs {lacks} of {library}, and the suite has {package} {version}, without it")
    };
    let choice = match target.image {
        Some(_) => "or name a newer one: [image] suite in stack.toml",
        None => "or name a newer one: --suite",
    };
    let (suite, missing) = (target.suite.title(), needed.too_old.iter().map(line).collect());
    Err(LinkedError::TooOld { suite, missing, choice }.into())
}

/// What was found out about libraries of a suite.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The digest of the archive's state.
    key: String,
    /// Each library with its package; `None` for one that no package has.
    libraries: BTreeMap<String, Option<KeptPackage>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct KeptPackage {
    name: String,
    version: String,
    /// The part of its symbols file about the library.
    symbols: Option<String>,
    shlibs: Option<String>,
}

impl KeptPackage {
    fn package(&self, library: &str) -> Option<LibraryPackage> {
        let promise = Promise::of(library, self.symbols.as_deref(), self.shlibs.as_deref())?;
        Some(LibraryPackage { name: self.name.parse().ok()?, version: self.version.parse().ok()?, promise })
    }
}

impl Kept {
    /// What cannot be read was never kept.
    fn read(path: &Path) -> Self {
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn knows(&self, libraries: &BTreeSet<&str>) -> bool {
        libraries.iter().all(|library| self.libraries.contains_key(*library))
    }

    fn packages(&self, libraries: &BTreeSet<&str>) -> BTreeMap<String, LibraryPackage> {
        let package = |library: &&str| {
            let package = self.libraries.get(*library)?.as_ref()?.package(library)?;
            Some(((*library).to_owned(), package))
        };
        libraries.iter().filter_map(package).collect()
    }
}

/// Asks the archive for what is not kept. Returns whether there is something new to keep.
fn ask(
    libraries: &BTreeSet<&str>,
    kept: &mut Kept,
    target: TargetSuite,
    cache: &Cache,
    reporter: Reporter,
) -> miette::Result<bool> {
    let repository = match target.image {
        Some(image) => Repository::for_image(target.suite, image, reporter)?,
        None => Repository::for_tool(target.suite, reporter)?,
    };
    let releases = repository.releases(cache, OlderRelease::Refused)?;
    let key = key(&releases);
    let known = if kept.key == key { kept.libraries.clone() } else { BTreeMap::new() };
    let new: BTreeSet<&str> = libraries.iter().copied().filter(|library| !known.contains_key(*library)).collect();
    if new.is_empty() {
        return Ok(false);
    }
    let universe = releases.read(cache, &repository.client)?.universe;
    let mut search = LibrarySearch { repository: &repository, universe, cache, read: BTreeMap::new() };
    let mut found = known;
    let mut elsewhere = BTreeSet::new();
    for library in new {
        let package = search.among(library, library_names::candidates(library))?;
        match package {
            Some(_) => found.extend([(library.to_owned(), package)]),
            None => elsewhere.extend([library]),
        }
    }
    if !elsewhere.is_empty() {
        let mut listed = releases.packages_with(&elsewhere, cache, &repository.client);
        interrupt::check().into_diagnostic()?;
        for library in elsewhere {
            let names = listed.packages.remove(library).unwrap_or_default();
            let package = search.among(library, names)?;
            // If an index could not be read, it may have the library: the next build asks again.
            if package.is_some() || listed.trouble.is_none() {
                found.insert(library.to_owned(), package);
            }
        }
        if let Some(error) = listed.trouble {
            reporter.warn(&format!("{error}; without that index, some packages of libraries are not found"));
        }
    }
    *kept = Kept { key, libraries: found };
    Ok(true)
}

fn key(releases: &Releases) -> String {
    let lines = releases.infos().into_iter().map(|one| format!("{} {} {}", one.base, one.suite, one.sha256));
    Sha256::of([FORMAT.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n").as_bytes()).to_string()
}

/// The control files of the packages that were looked at.
struct LibrarySearch<'a> {
    repository: &'a Repository,
    universe: Universe,
    cache: &'a Cache,
    /// The files `symbols` and `shlibs` of each.
    read: BTreeMap<String, [Option<String>; 2]>,
}

impl LibrarySearch<'_> {
    /// The first of these packages that promises something about a library.
    fn among(&mut self, library: &str, names: impl IntoIterator<Item = String>) -> miette::Result<Option<KeptPackage>> {
        for name in names {
            let Some(record) = self.universe.candidate(&name) else { continue };
            let version = record.version.to_string();
            let [symbols, shlibs] = self.control_files(&name)?;
            let symbols = symbols.as_deref().and_then(|text| elf::about(library, text));
            let package = KeptPackage { name, version, symbols, shlibs };
            if package.package(library).is_some() {
                return Ok(Some(package));
            }
        }
        Ok(None)
    }

    fn control_files(&mut self, name: &str) -> miette::Result<[Option<String>; 2]> {
        if let Some(known) = self.read.get(name) {
            return Ok(known.clone());
        }
        let Some(record) = self.universe.candidate(name) else { return Ok([None, None]) };
        let paths: Vec<PathBuf> = pool::download(self.cache, &self.repository.client, &[record])?;
        let (mut symbols, mut shlibs) = (None, None);
        for path in paths {
            for file in Reader::open(&path)?.control_files()? {
                let text = || Some(String::from_utf8_lossy(&file.content).into_owned());
                match file.name.as_str() {
                    "symbols" => symbols = text(),
                    "shlibs" => shlibs = text(),
                    _ => {}
                }
            }
        }
        let files = [symbols, shlibs];
        self.read.insert(name.to_owned(), files.clone());
        Ok(files)
    }
}
