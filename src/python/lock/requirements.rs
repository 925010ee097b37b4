//! Files of requirements, as pip reads them (pip's documentation, "Requirements File Format"): `-r`, `-c`, `--hash`,
//! markers, extras, line continuations. Each library must have one version (`==`), its own or by a constraint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifier};
use pep508_rs::{PackageName, Requirement, VerbatimUrl, VersionOrUrl};

use super::address;
use super::line::Line;
use super::pin::{LockedFile, Pin};
use super::project_file::text_of;
use crate::python::{PythonError, PythonTarget};
use crate::system::hash::Sha256;

/// Options of pip that change nothing here: wheels alone are taken, and what is asked for is pinned.
const WITHOUT_EFFECT: [&str; 6] =
    ["--require-hashes", "--prefer-binary", "--pre", "--only-binary", "--trusted-host", "--use-feature"];

/// What the files say, those of `-r` and `-c` included.
#[derive(Debug, Default)]
pub(super) struct RequirementsFiles {
    pub(super) requirements: Vec<Line>,
    pub(super) constraints: Vec<Line>,
    pub(super) index: Option<String>,
    read: Vec<(PathBuf, Purpose)>,
}

impl RequirementsFiles {
    /// Reads a file and those that it names.
    ///
    /// # Errors
    /// When one cannot be read, or has a line that stackdeb does not follow.
    pub(super) fn read(path: &Path, project: &Path) -> Result<Self, PythonError> {
        let mut files = Self::default();
        files.add(path, project, Purpose::Required)?;
        Ok(files)
    }

    fn add(&mut self, path: &Path, project: &Path, purpose: Purpose) -> Result<(), PythonError> {
        let (text, shown) = text_of(path, project)?;
        // A file that names itself, by whatever way, is read once for each purpose.
        let this = (path.canonicalize().unwrap_or_else(|_| path.to_owned()), purpose);
        if self.read.contains(&this) {
            return Ok(());
        }
        self.read.push(this);
        self.add_lines(&text, &shown, path, project, purpose)
    }

    /// For requirements that are in no file of this form, such as those of `pyproject.toml`. There are no constraints then.
    pub(super) fn of_requirements(requirements: Vec<Line>) -> Self {
        Self { requirements, ..Self::default() }
    }

    /// Reads lines that are in no file. `shown` is what messages call them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn of_text(text: &str, shown: &str) -> Result<Self, PythonError> {
        let mut files = Self::default();
        files.add_lines(text, shown, Path::new(""), Path::new(""), Purpose::Required)?;
        Ok(files)
    }

    fn add_lines(
        &mut self,
        text: &str,
        shown: &str,
        path: &Path,
        project: &Path,
        purpose: Purpose,
    ) -> Result<(), PythonError> {
        for (number, line) in logical_lines(text) {
            let place = format!("{shown}, line {number}");
            let wrong = |why: &str| PythonError::Line { place: place.clone(), line: line.clone(), why: why.to_owned() };
            if line.starts_with('-') {
                self.option(path, project, &line, &place, purpose)?;
                continue;
            }
            let (text, options) = split_options(&line);
            let requirement = Requirement::<VerbatimUrl>::from_str(&text).map_err(|error| {
                if text.starts_with(['.', '/']) || text.contains("://") {
                    return wrong("it is a path or an address without a name: write `name @ https://…`");
                }
                wrong(error.to_string().lines().next().unwrap_or_default())
            })?;
            let hashes = hashes(&options).map_err(|why| wrong(&why))?;
            let line = Line { requirement, hashes, place };
            match purpose {
                Purpose::Required => self.requirements.push(line),
                Purpose::Constraint => self.constraints.push(line),
            }
        }
        Ok(())
    }

    fn option(
        &mut self,
        path: &Path,
        project: &Path,
        line: &str,
        place: &str,
        purpose: Purpose,
    ) -> Result<(), PythonError> {
        let (name, value) = option(line);
        let next = || path.parent().unwrap_or(project).join(value);
        match name {
            "-r" | "--requirement" => self.add(&next(), project, purpose),
            "-c" | "--constraint" => self.add(&next(), project, Purpose::Constraint),
            "-i" | "--index-url" | "--pypi-url" => {
                self.index = Some(value.to_owned());
                Ok(())
            }
            _ if WITHOUT_EFFECT.contains(&name) => Ok(()),
            _ => {
                let why = match name {
                    "-e" | "--editable" => "the app's own code belongs into [app] folder",
                    "--extra-index-url" | "-f" | "--find-links" | "--no-index" => {
                        "libraries come from one index, which [app] index names"
                    }
                    _ => "stackdeb does not know this option",
                };
                let (place, line) = (place.to_owned(), line.to_owned());
                Err(PythonError::Line { place, line, why: why.to_owned() })
            }
        }
    }
}

/// Whether a line asks for a library, or only says which version it must have if something else asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Required,
    Constraint,
}

/// The lines with their numbers, without comments; a backslash at the end of a line joins the next one to it.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut whole) = open.take().unwrap_or((index.saturating_add(1), String::new()));
        let is_comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\') {
            Some(begun) if !is_comment => {
                whole.push_str(begun);
                open = Some((number, whole));
                continue;
            }
            _ if is_comment => {}
            _ => whole.push_str(line),
        }
        lines.push((number, whole));
    }
    lines.extend(open);
    let clean = |(number, line): (usize, String)| (number, without_comment(&line).trim().to_owned());
    lines.into_iter().map(clean).filter(|(_, line)| !line.is_empty()).collect()
}

/// A comment begins with `#`, at the beginning of a line or after white space.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| line.get(..at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']));
    let at = line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at));
    at.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// An option and its value: `-r FILE`, `-rFILE`, `--requirement FILE` or `--requirement=FILE`.
fn option(line: &str) -> (&str, &str) {
    if line.starts_with("--") {
        let end = line.find(['=', ' ', '\t']).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(end).unwrap_or((line, ""));
        return (name, value.trim_start_matches('=').trim());
    }
    let (name, value) = line.split_at_checked(2).unwrap_or((line, ""));
    (name, value.trim_start_matches('=').trim())
}

/// The requirement, and the options behind it, the first of which begins with ` --`.
fn split_options(line: &str) -> (String, Vec<String>) {
    let mut words = line.split_whitespace();
    let requirement: Vec<&str> = words.by_ref().take_while(|word| !word.starts_with("--")).collect();
    let count = requirement.len();
    let options = line.split_whitespace().skip(count).map(str::to_owned).collect();
    (requirement.join(" "), options)
}

/// The SHA-256 digests among the options of a requirement.
fn hashes(options: &[String]) -> Result<Vec<Sha256>, String> {
    let mut hashes = Vec::new();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let value = match word.split_once('=') {
            Some(("--hash", value)) => value,
            None if word == "--hash" => words.next().map(String::as_str).unwrap_or_default(),
            _ => return Err(format!("stackdeb does not know the option `{word}`")),
        };
        match value.split_once(':') {
            Some(("sha256", digits)) => hashes.push(digits.parse::<Sha256>().map_err(|error| error.to_string())?),
            // Stronger ones may stand beside it.
            Some(("sha384" | "sha512", _)) => {}
            _ => return Err(format!("`{value}` is not of the form sha256:DIGEST")),
        }
    }
    if hashes.is_empty() && !options.is_empty() {
        return Err("it has no SHA-256, which the index names its files with".to_owned());
    }
    Ok(hashes)
}

/// One version for each library whose marker holds.
pub(super) fn pins(files: &RequirementsFiles, target: &PythonTarget) -> Result<Vec<Pin>, PythonError> {
    let holds = |line: &&Line| line.requirement.evaluate_markers(target.markers(), &[]);
    let with_hashes = files.requirements.iter().any(|line| !line.hashes.is_empty());
    let mut pins: Vec<Pin> = Vec::new();
    let mut known: BTreeMap<PackageName, BTreeSet<_>> = BTreeMap::new();
    for line in files.requirements.iter().filter(holds) {
        let name = &line.requirement.name;
        known.entry(name.clone()).or_default().extend(line.requirement.extras.iter().cloned());
        if pins.iter().any(|pin| pin.name == *name) {
            continue;
        }
        let same = |line: &&Line| line.requirement.name == *name;
        let all: Vec<&Line> = files.requirements.iter().chain(&files.constraints).filter(holds).filter(same).collect();
        let direct = one_address(&all)?;
        let version = one_version(line, &all, direct.as_ref().map(|(version, _)| version.clone()))?;
        let files: Vec<LockedFile> = direct.into_iter().map(|(_, file)| file).collect();
        let hashes: Vec<Sha256> = all.iter().flat_map(|line| &line.hashes).copied().collect();
        if with_hashes && hashes.is_empty() && files.is_empty() {
            return Err(PythonError::NoHash { name: name.to_string(), place: line.place.clone() });
        }
        let (name, place) = (name.clone(), line.place.clone());
        pins.push(Pin { name, version, extras: BTreeSet::new(), hashes, files, tools: None, place });
    }
    for pin in &mut pins {
        pin.extras = known.remove(&pin.name).unwrap_or_default();
    }
    Ok(pins)
}

/// The wheel that the lines about a library name by its address; `None` when none does.
fn one_address(all: &[&Line]) -> Result<Option<(Version, LockedFile)>, PythonError> {
    let mut found: Option<((Version, LockedFile), &Line)> = None;
    for line in all {
        let Some(wheel) = address::wheel(line)? else { continue };
        match &found {
            Some(((version, file), by)) if (&file.url, file.sha256) != (&wheel.1.url, wheel.1.sha256) => {
                return Err(PythonError::Contradiction {
                    name: line.requirement.name.to_string(),
                    version: format!("{version} at another address"),
                    place: by.place.clone(),
                    other: line.place.clone(),
                });
            }
            Some(_) => {}
            None => found = Some((wheel, line)),
        }
    }
    Ok(found.map(|(wheel, _)| wheel))
}

/// The version that one of the lines about a library pins, if all the others accept it.
fn one_version(line: &Line, all: &[&Line], of_address: Option<Version>) -> Result<Version, PythonError> {
    let mut pinned: Option<(Version, &Line)> = of_address.map(|version| (version, line));
    for line in all {
        pinned = pinned.or_else(|| Some((specifiers(line).find_map(exact)?, *line)));
    }
    let name = line.requirement.name.to_string();
    let Some((version, by)) = pinned else {
        return Err(PythonError::NotPinned { name, place: line.place.clone() });
    };
    for other in all {
        if !specifiers(other).all(|specifier| specifier.contains(&version)) {
            return Err(PythonError::Contradiction {
                name,
                version: version.to_string(),
                place: by.place.clone(),
                other: other.place.clone(),
            });
        }
    }
    Ok(version)
}

fn specifiers(line: &Line) -> impl Iterator<Item = &VersionSpecifier> {
    let specifiers = match &line.requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers),
        _ => None,
    };
    specifiers.into_iter().flat_map(|specifiers| specifiers.iter())
}

fn exact(specifier: &VersionSpecifier) -> Option<Version> {
    matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual).then(|| specifier.version().clone())
}
