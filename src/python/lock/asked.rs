//! What the project asks for, before versions are chosen: the lines of a file of requirements, or the
//! dependencies in `pyproject.toml` (PEP 621).

use std::path::Path;
use std::str::FromStr;

use pep508_rs::{PackageName, Requirement, VerbatimUrl};
use serde::Deserialize;

use super::address;
use super::line::Line;
use super::project_file::{LockFormat, text_of};
use super::requirements::RequirementsFiles;
use crate::python::{PythonError, PythonTarget};

/// What a project asks of the resolver: requirements, and constraints that limit their versions.
pub struct Requirements {
    pub(super) files: RequirementsFiles,
    /// The file's name, for messages.
    pub(super) source: String,
}

#[derive(Deserialize)]
struct PyprojectDocument {
    project: Option<ProjectTable>,
}

#[derive(Deserialize)]
struct ProjectTable {
    dependencies: Option<Vec<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

impl Requirements {
    /// Reads a file of requirements with the files that it names, or a `pyproject.toml`. `None` for a
    /// lock, which asks for nothing.
    ///
    /// # Errors
    /// When a file cannot be read, or has a mistake.
    pub fn read(path: &Path, project: &Path) -> Result<Option<Self>, PythonError> {
        let (text, source) = text_of(path, project)?;
        match LockFormat::of(path, &source)? {
            LockFormat::Requirements => Ok(Some(Self { files: RequirementsFiles::read(path, project)?, source })),
            LockFormat::Pyproject => Ok(Some(Self { files: of_pyproject(&text, &source)?, source })),
            LockFormat::Pylock | LockFormat::Uv | LockFormat::Poetry => Ok(None),
        }
    }

    /// The requirements, also those whose markers do not hold.
    pub(in crate::python) fn each(&self) -> impl Iterator<Item = &Requirement<VerbatimUrl>> {
        self.files.requirements.iter().map(|line| &line.requirement)
    }

    /// The requirements, one a line.
    fn requirements(&self) -> Vec<String> {
        self.each().map(ToString::to_string).collect()
    }

    /// The constraints, one a line.
    pub fn constraints(&self) -> Vec<String> {
        self.files.constraints.iter().map(|line| line.requirement.to_string()).collect()
    }

    /// The requirements whose markers hold, for their extras.
    pub(in crate::python) fn extras(&self, target: &PythonTarget) -> impl Iterator<Item = &Requirement<VerbatimUrl>> {
        let all = self.files.requirements.iter().map(|line| &line.requirement);
        all.filter(|requirement| requirement.evaluate_markers(target.markers(), &[]))
    }

    /// The lines of a resolver, with the addresses and digests of what is asked for by its address.
    ///
    /// # Errors
    /// When such an address has a mistake.
    pub(in crate::python) fn with_addresses(
        &self,
        lines: Vec<String>,
        target: &PythonTarget,
    ) -> Result<Vec<String>, PythonError> {
        let all = self.files.requirements.iter().chain(&self.files.constraints);
        let holding = all.filter(|line| line.requirement.evaluate_markers(target.markers(), &[]));
        address::with_digests(lines, &holding.collect::<Vec<_>>())
    }

    /// Requirements and constraints of one library whose markers hold.
    pub(in crate::python) fn about(&self, name: &PackageName, target: &PythonTarget) -> Vec<&Requirement<VerbatimUrl>> {
        let all = self.files.requirements.iter().chain(&self.files.constraints).map(|line| &line.requirement);
        let about = |one: &&Requirement<VerbatimUrl>| one.name == *name && one.evaluate_markers(target.markers(), &[]);
        all.filter(about).collect()
    }

    /// The index that the file names.
    pub fn index(&self) -> Option<&str> {
        self.files.index.as_deref()
    }

    /// All of it, for a digest.
    pub fn all(&self) -> Vec<String> {
        let limits = self.constraints().into_iter().map(|line| format!("-c {line}"));
        self.requirements().into_iter().chain(limits).collect()
    }
}

fn of_pyproject(text: &str, shown: &str) -> Result<RequirementsFiles, PythonError> {
    let wrong = |reason: String| PythonError::Lock { path: shown.to_owned(), reason };
    let document: PyprojectDocument = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let table = document.project.ok_or_else(|| wrong("it has no table [project]".to_owned()))?;
    if table.dynamic.iter().any(|name| name == "dependencies") {
        return Err(wrong("its dependencies are dynamic, so they are known to its build program alone".to_owned()));
    }
    let line = |text: String| {
        let place = format!("{shown}, [project] dependencies");
        match Requirement::<VerbatimUrl>::from_str(&text) {
            Ok(requirement) => Ok(Line { requirement, hashes: Vec::new(), place }),
            Err(error) => {
                let why = error.to_string().lines().next().unwrap_or_default().to_owned();
                Err(PythonError::Line { place, line: text, why })
            }
        }
    };
    let requirements = table.dependencies.unwrap_or_default().into_iter().map(line).collect::<Result<_, _>>()?;
    Ok(RequirementsFiles::of_requirements(requirements))
}
