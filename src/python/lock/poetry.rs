//! `poetry.lock`, the lock of Poetry (format 2.0 and 2.1): each package with the digests of its files. The addresses
//! are those of the index.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::Deserialize;

use super::pin::{Pin, PinnedLibraries};
use super::project_file::text_of;
use crate::python::{PythonError, PythonTarget};
use crate::system::hash::Sha256;

/// The group of dependencies that the application needs to run.
const MAIN: &str = "main";

#[derive(Debug, Deserialize)]
struct PoetryDocument {
    #[serde(default, rename = "package")]
    packages: Vec<PoetryPackage>,
    metadata: PoetryMetadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryMetadata {
    lock_version: String,
}

#[derive(Debug, Deserialize)]
struct PoetryPackage {
    name: String,
    version: String,
    #[serde(default)]
    optional: bool,
    /// Since Poetry 2; before it, the lock does not say it.
    groups: Option<Vec<String>>,
    markers: Option<Markers>,
    #[serde(default)]
    files: Vec<PoetryFile>,
    source: Option<toml::Table>,
}

/// One marker for all groups, or one for each.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Markers {
    All(String),
    Each(std::collections::BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
struct PoetryFile {
    hash: String,
}

/// Reads the lock: what is in the group `main`, and not optional.
pub(super) fn read(path: &Path, project: &Path, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let (text, shown) = text_of(path, project)?;
    let wrong = |reason: String| PythonError::Lock { path: shown.clone(), reason };
    let document: PoetryDocument = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if document.metadata.lock_version.split('.').next() != Some("2") {
        let version = document.metadata.lock_version;
        return Err(wrong(format!("its lock-version is {version}, and stackdeb reads 2: run `poetry lock`")));
    }
    let mut pins: Vec<Pin> = Vec::new();
    for package in document.packages {
        let groups = package.groups.ok_or_else(|| {
            wrong("it does not say which packages are for tests alone: run `poetry lock` of Poetry 2".to_owned())
        })?;
        let marker = match &package.markers {
            None => None,
            Some(Markers::All(marker)) => Some(marker.as_str()),
            Some(Markers::Each(markers)) => markers.get(MAIN).map(String::as_str),
        };
        let here = marker.map_or(Ok(true), |marker| target.holds(marker)).map_err(&wrong)?;
        if package.optional || !here || !groups.iter().any(|group| group == MAIN) {
            continue;
        }
        let name = PackageName::from_str(&package.name).map_err(|error| wrong(error.to_string()))?;
        let kind = package.source.as_ref().and_then(|source| source.get("type")).and_then(toml::Value::as_str);
        if kind.is_some_and(|kind| kind != "legacy") {
            return Err(wrong(format!("{name} does not come from an index")));
        }
        if pins.iter().any(|pin| pin.name == name) {
            return Err(wrong(format!("{name} is there twice for {}", target.title)));
        }
        let version = Version::from_str(&package.version).map_err(|error| wrong(format!("{name}: {error}")))?;
        let digits = package.files.iter().filter_map(|file| file.hash.strip_prefix("sha256:"));
        let hashes = digits.map(|digits| digits.parse::<Sha256>().map_err(|error| wrong(error.to_string())));
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        if hashes.is_empty() {
            return Err(wrong(format!("{name} has no SHA-256")));
        }
        let place = format!("{shown}, {name}");
        pins.push(Pin { name, version, extras: BTreeSet::new(), hashes, files: Vec::new(), tools: None, place });
    }
    Ok(PinnedLibraries { source: shown, pins, roots: None, index: None })
}
