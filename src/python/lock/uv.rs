//! `uv.lock`, the lock of uv's projects: the packages for every platform, and what the project itself depends on.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::{PackageName, Requirement, VerbatimUrl};
use serde::Deserialize;

use super::pin::{LockedFile, Pin, PinnedLibraries};
use super::project_file::text_of;
use crate::python::index::percent_decoded;
use crate::python::{PythonError, PythonTarget};
use crate::system::hash::Sha256;

#[derive(Debug, Deserialize)]
struct UvDocument {
    version: u32,
    #[serde(default, rename = "package")]
    packages: Vec<UvPackage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvPackage {
    name: String,
    version: Option<String>,
    source: UvSource,
    /// One of them holds where the package is used; empty when it is used everywhere.
    #[serde(default)]
    resolution_markers: Vec<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    wheels: Vec<UvWheel>,
}

/// Where a package comes from: one of these keys is there.
#[derive(Debug, Deserialize)]
struct UvSource {
    registry: Option<String>,
    #[serde(rename = "virtual")]
    not_a_package: Option<String>,
    editable: Option<String>,
    directory: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    extra: Vec<String>,
    marker: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UvWheel {
    url: Option<String>,
    hash: Option<String>,
}

/// Reads the lock: the project's own dependencies are where the walk begins.
pub(super) fn read(path: &Path, project: &Path, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let (text, shown) = text_of(path, project)?;
    let wrong = |reason: String| PythonError::Lock { path: shown.clone(), reason };
    let document: UvDocument = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if document.version != 1 {
        return Err(wrong(format!("its version is {}, and stackdeb reads 1", document.version)));
    }
    let (mut pins, mut roots): (Vec<Pin>, Option<Vec<Requirement<VerbatimUrl>>>) = (Vec::new(), None);
    for package in &document.packages {
        let source = &package.source;
        let own =
            [&source.not_a_package, &source.editable, &source.directory].into_iter().flatten().any(|at| at == ".");
        if own {
            let root = |one: &Dependency| requirement(one).map_err(&wrong);
            roots = Some(package.dependencies.iter().map(root).collect::<Result<_, _>>()?);
            continue;
        }
        let here = |marker: &String| target.holds(marker).map_err(&wrong);
        let mut anywhere = package.resolution_markers.is_empty();
        for marker in &package.resolution_markers {
            anywhere |= here(marker)?;
        }
        // What does not come from an index is refused when something needs it.
        if !anywhere || source.registry.is_none() {
            continue;
        }
        let name = PackageName::from_str(&package.name).map_err(|error| wrong(error.to_string()))?;
        let version = package.version.as_deref().ok_or_else(|| wrong(format!("{name} has no version")))?;
        let version = Version::from_str(version).map_err(|error| wrong(format!("{name}: {error}")))?;
        let files = package.wheels.iter().filter_map(file).collect::<Result<Vec<_>, _>>().map_err(&wrong)?;
        let hashes = files.iter().map(|file| file.sha256).collect();
        let place = format!("{shown}, {name}");
        pins.push(Pin { name, version, extras: BTreeSet::new(), hashes, files, tools: None, place });
    }
    let roots = roots.ok_or_else(|| wrong("the project itself is not in it".to_owned()))?;
    Ok(PinnedLibraries { source: shown, pins, roots: Some(roots), index: None })
}

fn requirement(one: &Dependency) -> Result<Requirement<VerbatimUrl>, String> {
    let extras = if one.extra.is_empty() { String::new() } else { format!("[{}]", one.extra.join(",")) };
    let marker = one.marker.as_ref().map(|marker| format!(" ; {marker}")).unwrap_or_default();
    let text = format!("{}{extras}{marker}", one.name);
    Requirement::from_str(&text).map_err(|_| format!("the dependency `{text}` cannot be read"))
}

/// `None` for a wheel without an address: it is a file of the computer that made the lock.
fn file(wheel: &UvWheel) -> Option<Result<LockedFile, String>> {
    let url = wheel.url.clone()?;
    let name = percent_decoded(url.rsplit('/').next()?);
    let digits = wheel.hash.as_deref().and_then(|hash| hash.strip_prefix("sha256:"));
    let sha256 = digits.ok_or_else(|| format!("{name} has no SHA-256"));
    let sha256 = sha256.and_then(|digits| digits.parse::<Sha256>().map_err(|error| error.to_string()));
    Some(sha256.map(|sha256| LockedFile { name, url, sha256, is_direct: false }))
}
