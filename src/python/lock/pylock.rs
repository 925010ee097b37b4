//! `pylock.toml` (PEP 751), the lock that is the same for all tools: each package with its marker and its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;
use serde::Deserialize;

use super::pin::{LockedFile, Pin, PinnedLibraries};
use super::project_file::text_of;
use crate::python::index::percent_decoded;
use crate::python::{PythonError, PythonTarget, WheelName};
use crate::system::hash::Sha256;

/// What a `stack.lock` says about its own making.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct LockOrigin {
    pub(super) suite: Option<String>,
    /// The digest of what was asked for. A lock without it locks no libraries; another file may pin them.
    pub(super) input: Option<String>,
}

/// The part of the format that stackdeb reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockDocument {
    lock_version: String,
    requires_python: Option<String>,
    #[serde(default)]
    packages: Vec<PylockPackage>,
    #[serde(default)]
    tool: PylockTools,
}

#[derive(Debug, Default, Deserialize)]
struct PylockTools {
    stackdeb: Option<LockOrigin>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockPackage {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    wheels: Vec<PylockWheel>,
    vcs: Option<toml::Table>,
    directory: Option<toml::Table>,
    archive: Option<PylockWheel>,
    sdist: Option<PylockWheel>,
    #[serde(default)]
    tool: PackageTools,
}

#[derive(Debug, Default, Deserialize)]
struct PackageTools {
    stackdeb: Option<PylockBuild>,
}

/// What the build of the source distribution needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockBuild {
    build_requirements: Vec<PylockWheel>,
}

/// A wheel, or another file.
#[derive(Debug, Deserialize)]
struct PylockWheel {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    hashes: BTreeMap<String, String>,
}

/// A lock that was read.
pub(super) struct Pylock {
    document: PylockDocument,
    pub(super) origin: Option<LockOrigin>,
}

impl Pylock {
    /// Reads the text of a lock; `path` is shown in messages.
    pub(super) fn parse(text: &str, path: &str) -> Result<Self, PythonError> {
        let wrong = |reason: String| PythonError::Lock { path: path.to_owned(), reason };
        let mut document: PylockDocument = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if document.lock_version.split('.').next() != Some("1") {
            return Err(wrong(format!("its lock-version is {}, and stackdeb reads 1", document.lock_version)));
        }
        let origin = document.tool.stackdeb.take();
        Ok(Self { document, origin })
    }
}

/// Reads a `pylock.toml` of whatever tool.
pub(super) fn read(path: &Path, project: &Path, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let (text, shown) = text_of(path, project)?;
    plan(Pylock::parse(&text, &shown)?, shown, target)
}

/// The packages whose markers hold.
pub(super) fn plan(lock: Pylock, path: String, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let wrong = |reason: String| PythonError::Lock { path: path.clone(), reason };
    let fits = |python: &Option<String>| match python.as_deref().map(VersionSpecifiers::from_str) {
        None => Ok(true),
        Some(Ok(specifiers)) => Ok(specifiers.contains(&target.full)),
        Some(Err(error)) => Err(wrong(error.to_string())),
    };
    if !fits(&lock.document.requires_python)? {
        let needed = lock.document.requires_python.unwrap_or_default();
        let why = format!("it is for Python {needed}, and {} has {}", target.title, target.full);
        return Err(PythonError::Stale { path, why });
    }
    let mut pins: Vec<Pin> = Vec::new();
    for package in lock.document.packages {
        let name = PackageName::from_str(&package.name).map_err(|error| wrong(error.to_string()))?;
        if let Some(marker) = &package.marker
            && !target.holds(marker).map_err(|why| wrong(format!("{name}: {why}")))?
        {
            continue;
        }
        // The project itself may stand in it as a folder; its code is in [app] folder.
        if package.directory.is_some() {
            continue;
        }
        if package.vcs.is_some() {
            return Err(wrong(format!("{name} does not come from an index: it is a repository of source code")));
        }
        let version = package.version.as_deref().map(Version::from_str).transpose();
        let version = version.map_err(|error| wrong(format!("{name}: {error}")))?;
        let version = version.ok_or_else(|| wrong(format!("{name} has no version")))?;
        if !fits(&package.requires_python)? || pins.iter().any(|pin| pin.name == name) {
            return Err(wrong(format!("{name} is there twice for {}, or not for its Python", target.title)));
        }
        let files = package.wheels.iter().map(|wheel| file(wheel).map_err(|why| wrong(format!("{name}: {why}"))));
        let mut files = files.collect::<Result<Vec<LockedFile>, _>>()?;
        if let Some(archive) = &package.archive {
            let file = file(archive).map_err(|why| wrong(format!("{name}: {why}")))?;
            if !file.name.ends_with(".whl") {
                return Err(wrong(format!(
                    "{name} comes from an archive of source code, and stackdeb packs wheels alone"
                )));
            }
            files.push(LockedFile { is_direct: true, ..file });
        }
        if let Some(source) = &package.sdist {
            files.push(file(source).map_err(|why| wrong(format!("{name}: {why}")))?);
        }
        let hashes = files.iter().map(|file| file.sha256).collect();
        let place = format!("{path}, {name}");
        let tool = |wheel: &PylockWheel| tool(wheel, &place).map_err(|why| wrong(format!("what builds {name}: {why}")));
        let tools = package.tool.stackdeb.map(|build| build.build_requirements.iter().map(tool).collect());
        let tools = tools.transpose()?;
        pins.push(Pin { name, version, extras: BTreeSet::new(), hashes, files, tools, place });
    }
    Ok(PinnedLibraries { source: path, pins, roots: None, index: None })
}

/// A library that a build needs. Its name and version are those of its wheel.
fn tool(wheel: &PylockWheel, place: &str) -> Result<Pin, String> {
    let file = file(wheel)?;
    let parsed = WheelName::parse(&file.name).ok_or_else(|| format!("{} is not the name of a wheel", file.name))?;
    let name = PackageName::from_str(&parsed.name).map_err(|error| error.to_string())?;
    Ok(Pin::of_wheel(name, parsed.version, file, place))
}

fn file(wheel: &PylockWheel) -> Result<LockedFile, String> {
    let url = wheel.url.clone().or_else(|| wheel.path.clone()).ok_or("a file has no address")?;
    let last = percent_decoded(url.rsplit('/').next().unwrap_or(&url));
    let name = wheel.name.clone().unwrap_or(last);
    let digits = wheel.hashes.get("sha256").ok_or_else(|| format!("{name} has no SHA-256"))?;
    let sha256 = digits.parse::<Sha256>().map_err(|error| error.to_string())?;
    Ok(LockedFile { name, url, sha256, is_direct: false })
}
