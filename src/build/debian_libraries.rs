//! Which packages of the suite have which Python libraries, and in which versions: the suite's verified index, and the
//! list of names in its package dh-python, by which Debian's own builds find them. What was found is kept in the cache,
//! for a build without a network.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::str::FromStr;

use miette::IntoDiagnostic;
use pep508_rs::PackageName;

use super::archive::Repository;
use crate::apt::{OlderRelease, Suite, pool};
use crate::deb::Reader;
use crate::python::{Debian, DebianLibrary};
use crate::stack::{FromDebian, Stack};
use crate::system::cache::Cache;
use crate::system::output;
use crate::system::progress::Reporter;

/// The package with the list, and the list's path in it: the name of a library and of its package in each line.
const HELPER: &str = "dh-python";
const LIST: &str = "usr/share/dh-python/dist/cpython3_fallback";

/// What the suite has of the libraries that the stack wants from it. Nothing is asked when it wants none.
///
/// # Errors
/// When the mirror cannot be asked, and was never asked before.
pub(super) fn of(stack: &Stack, suite: &'static Suite, cache: &Cache, reporter: Reporter) -> miette::Result<Debian> {
    let wanted = stack.app.from_debian.clone();
    if wanted == FromDebian::Nothing {
        return Ok(Debian::default());
    }
    let kept = cache.names().join(format!("{}-python", suite.name));
    let text = match ask(stack, suite, cache, reporter) {
        Ok(text) => {
            output::write_file(&kept, text.as_bytes())?;
            text
        }
        Err(error) => match fs::read_to_string(&kept) {
            Ok(text) => {
                reporter.warn(&format!("{error}; the versions of the last build are used"));
                text
            }
            Err(_) => return Err(error),
        },
    };
    Ok(Debian { wanted, known: text.lines().filter_map(line).collect() })
}

fn line(line: &str) -> Option<(PackageName, DebianLibrary)> {
    let mut words = line.split(' ');
    let name = PackageName::from_str(words.next()?).ok()?;
    Some((name, DebianLibrary { package: words.next()?.parse().ok()?, version: words.next()?.parse().ok()? }))
}

/// A line for each library: its name, its package, and the package's version.
fn ask(stack: &Stack, suite: &'static Suite, cache: &Cache, reporter: Reporter) -> miette::Result<String> {
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let archive = repository.open(cache, OlderRelease::Refused)?;
    let mut packages: BTreeMap<PackageName, String> = BTreeMap::new();
    if let Some(helper) = archive.universe.candidate(HELPER) {
        for path in pool::download(cache, &repository.client, &[helper])? {
            for line in list(&path)?.lines() {
                let mut words = line.split_whitespace();
                if let (Some(Ok(name)), Some(package)) = (words.next().map(PackageName::from_str), words.next()) {
                    packages.insert(name, package.to_owned());
                }
            }
        }
    }
    // The usual name of a package, for what the list lacks.
    for record in archive.universe.records() {
        if let Some(Ok(name)) = record.name.as_str().strip_prefix("python3-").map(PackageName::from_str) {
            packages.entry(name).or_insert_with(|| record.name.to_string());
        }
    }
    let line = |(name, package): (PackageName, String)| {
        let version = &archive.universe.candidate(&package)?.version;
        Some(format!("{name} {package} {version}\n"))
    };
    Ok(packages.into_iter().filter_map(line).collect())
}

/// The list of the names in the package's file.
fn list(package: &std::path::Path) -> miette::Result<String> {
    let reader = Reader::open(package)?;
    let mut archive = reader.data()?;
    for entry in archive.entries().into_diagnostic()? {
        let mut entry = entry.into_diagnostic()?;
        if entry.path().is_ok_and(|path| path.strip_prefix("./").unwrap_or(&path) == std::path::Path::new(LIST)) {
            let mut text = String::new();
            entry.read_to_string(&mut text).into_diagnostic()?;
            return Ok(text);
        }
    }
    Ok(String::new())
}
