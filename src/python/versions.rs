//! Versions for what the project asks for: a resolver chooses them among wheels. A library that has none is built from its
//! source, with build requirements that are chosen in the same way; then the resolver gets that wheel as well.

use std::fs;

use pep440_rs::Version;
use pep508_rs::{PackageName, Requirement, VerbatimUrl};
use tempfile::TempDir;

use super::gather::try_gather;
use super::held::{Held, accepts};
use super::lock::{self, LockedFile, Pin, PinnedLibraries, Requirements};
use super::resolve::{Pip, Resolved, by_pip, by_uv};
use super::source::{Lacking, Sdist, SourceDistribution, WheelBuilder, lacking, sdist};
use super::unmet::Failed;
use super::{Debian, Libraries, Library, LibraryIndex, PythonError, PythonTarget, WheelName, gather};
use crate::python::index::IndexFile;
use crate::system::cache::Cache;

/// How messages call what a resolver has chosen.
const CHOSEN: &str = "what the resolver chose";

/// What is run for the choice, where it can do no harm.
#[derive(Clone, Copy)]
pub struct Sandboxed<'a> {
    pub builder: &'a dyn WheelBuilder,
    pub pip: &'a dyn Pip,
}

/// Chooses versions for what is asked for, and gathers them. A library that is asked of Debian, and whose package there fits,
/// gets none: it may have no wheel, and its build would be for nothing. With `held`, most libraries stay at the versions that
/// they have.
///
/// # Errors
/// When uv is not installed and pip cannot be run, or there are no versions that fit together; else as [`gather`].
pub fn choose_versions(
    asked: &Requirements,
    debian: &Debian,
    held: Option<Held>,
    target: &PythonTarget,
    index: &LibraryIndex,
    cache: &Cache,
    sandboxed: Sandboxed<'_>,
) -> miette::Result<Libraries> {
    let Sandboxed { builder, pip } = sandboxed;
    let unwritable = |source| PythonError::Unreadable { path: "a temporary folder".to_owned(), source };
    let made = tempfile::tempdir().map_err(unwritable)?;
    let is_provided = |name: &PackageName| asked.each().filter(|one| one.name == *name).all(|one| debian.provides(one));
    let (provided, chosen): (Vec<_>, Vec<_>) = asked.each().cloned().partition(|one| is_provided(&one.name));
    // They still limit a version that another library needs. A constraint has no extras.
    let limits = provided.into_iter().map(|one| Requirement { extras: Vec::new(), ..one }.to_string());
    let constraints = asked.constraints().into_iter().chain(limits).collect();
    let newest = LibraryChoice { asked, constraints, target, index, cache, builder, pip, made }.newest(&chosen)?;
    let gather = |plan: &PinnedLibraries| try_gather(plan, &Debian::default(), target, index, cache, builder);
    match held {
        Some(held) => held.gather(newest, chosen, asked, target, gather),
        None => gather(&newest).map_err(Failed::into_report),
    }
}

struct LibraryChoice<'a> {
    asked: &'a Requirements,
    constraints: Vec<String>,
    target: &'a PythonTarget,
    index: &'a LibraryIndex,
    cache: &'a Cache,
    builder: &'a dyn WheelBuilder,
    pip: &'a dyn Pip,
    /// The wheels that were built.
    made: TempDir,
}

impl LibraryChoice<'_> {
    /// The newest versions of what is `chosen` that fit together.
    fn newest(&self, chosen: &[Requirement<VerbatimUrl>]) -> miette::Result<PinnedLibraries> {
        let chosen: Vec<String> = chosen.iter().map(ToString::to_string).collect();
        let mut sources: Vec<Pin> = Vec::new();
        let lines = loop {
            let (by, said) = match self.resolve(&chosen)? {
                Resolved::Lines(lines) => break lines,
                Resolved::Unsolved { by, said } => (by, said),
            };
            let before = sources.len();
            for one in lacking(&said) {
                if !sources.iter().any(|pin| pin.name == one.name)
                    && let Some((pin, file)) = self.find(&one)?
                {
                    sources.push(self.build(pin, file)?);
                }
            }
            if sources.len() == before {
                return Err(PythonError::Unsolved { by, said }.into());
            }
        };
        let lines = self.asked.with_addresses(lines, self.target)?;
        let mut plan = lock::of_lines(&lines, CHOSEN, self.target)?;
        // The extras are a part of what is asked for, and no resolver names them with the versions.
        for requirement in self.asked.extras(self.target) {
            if let Some(pin) = plan.pins.iter_mut().find(|pin| pin.name == requirement.name) {
                pin.extras.extend(requirement.extras.iter().cloned());
            }
        }
        for source in sources {
            if let Some(pin) = plan.pins.iter_mut().find(|pin| pin.name == source.name && pin.version == source.version)
            {
                (pin.files, pin.tools, pin.hashes) = (source.files, source.tools, source.hashes);
            }
        }
        Ok(plan)
    }

    fn resolve(&self, requirements: &[String]) -> miette::Result<Resolved> {
        if requirements.is_empty() {
            return Ok(Resolved::Lines(Vec::new()));
        }
        let [requirements, constraints] = [requirements, &self.constraints].map(|lines| lines.join("\n") + "\n");
        let (index, made) = (self.index.address(), self.made.path());
        let progress = self.index.reporter().spinner("choosing versions");
        let resolved = by_uv(&requirements, &constraints, self.target, index, made)?;
        // pip may have to enter a namespace first, which a process with two threads cannot.
        drop(progress);
        resolved.map_or_else(|| by_pip(&requirements, &constraints, index, made, self.pip), Ok)
    }

    /// The newest version that has a source distribution, no wheel that fits, and is accepted by those who ask for it: by all of
    /// them, if there is such a version. `None` for one of a conflict of which wheels are newer.
    fn find(&self, one: &Lacking) -> Result<Option<(Pin, IndexFile)>, PythonError> {
        let name = &one.name;
        let asked = self.asked.about(name, self.target);
        let fits = |python: &Option<String>| {
            let specifiers = python.as_deref().map(str::parse::<pep440_rs::VersionSpecifiers>);
            specifiers.is_none_or(|specifiers| specifiers.is_ok_and(|all| all.contains(&self.target.full)))
        };
        let fitting = |file: &IndexFile, version: Version| {
            let wanted = asked.iter().all(|requirement| accepts(requirement, &version));
            let right = wanted && one.accepts_for_one(&version) && !file.yanked && fits(&file.requires_python);
            right.then_some(version)
        };
        let version = |file: &IndexFile| fitting(file, sdist::version_of(&file.name, name)?);
        let files = self.index.files(name, |files| files.iter().any(|file| version(file).is_some()))?;
        let files = files.unwrap_or_default();
        let has_wheel = |version: &Version| {
            let wheels = files.iter().filter_map(|file| WheelName::parse(&file.name));
            wheels.filter(|wheel| wheel.version == *version).any(|wheel| self.target.rank(&wheel).is_some())
        };
        let sources = files.iter().filter_map(|file| Some((version(file)?, file)));
        let sources = sources.filter(|(version, _)| !has_wheel(version));
        let rank = |version: &Version| (one.accepts(version), version.is_stable(), version.clone());
        let newest = sources.max_by_key(|(version, file)| (rank(version), file.name.clone()));
        let Some((version, file)) = newest else { return Ok(None) };
        let wheels = files.iter().filter_map(|file| fitting(file, WheelName::parse(&file.name)?.version));
        if !one.is_certain && wheels.filter(has_wheel).any(|wheel| rank(&wheel) > rank(&version)) {
            return Ok(None);
        }
        let sha256 = file.sha256.ok_or_else(|| PythonError::NoDigest { file: file.name.clone() })?;
        let locked = LockedFile { name: file.name.clone(), url: file.url.to_string(), sha256, is_direct: false };
        Ok(Some((Pin::of_wheel(name.clone(), version, locked, CHOSEN), file.clone())))
    }

    /// Builds a source distribution, and keeps the wheel for the resolver. Returns the pin with what the build needs.
    fn build(&self, pin: Pin, file: IndexFile) -> miette::Result<Pin> {
        let sha256 = file.sha256.ok_or_else(|| PythonError::NoDigest { file: file.name.clone() })?;
        let paths = self.index.download(&[(file.url, sha256)])?;
        let Some(path) = paths.first() else { return Ok(pin) };
        let read = Sdist::open(path, &file.name)?;
        let source = SourceDistribution { pin: &pin, file: &file.name, path, sha256, sdist: &read };
        let mut tools = self.tools(&source, &read.system.requires)?;
        let further = self.builder.further_requirements(&source, &tools)?;
        if !further.is_empty() {
            let wrong = |reason| PythonError::Sdist { file: file.name.clone(), reason };
            let further = further.iter().map(|text| sdist::requirement(text));
            let all = read.system.requires.iter().cloned().map(Ok).chain(further);
            tools = self.tools(&source, &all.collect::<Result<Vec<_>, _>>().map_err(wrong)?)?;
        }
        let made = self.builder.wheel(&source, &tools, self.target)?;
        let copy = self.made.path().join(&made.file);
        let unwritable = |source| PythonError::Unreadable { path: copy.display().to_string(), source };
        fs::copy(&made.path, &copy).map_err(unwritable)?;
        let tools = tools.iter().map(|tool| of_library(tool, &pin.place)).collect::<Result<_, _>>()?;
        Ok(Pin { tools: Some(tools), ..pin })
    }

    /// What a build needs, as wheels.
    fn tools(&self, source: &SourceDistribution<'_>, requires: &[String]) -> miette::Result<Vec<Library>> {
        if requires.is_empty() {
            return Ok(Vec::new());
        }
        let lines = match self.resolve(requires)? {
            Resolved::Lines(lines) => lines,
            Resolved::Unsolved { by, said } => {
                return Err(PythonError::UnsolvedTools { by, library: source.library(), said }.into());
            }
        };
        let plan = lock::of_lines(&lines, &format!("what the build of {} needs", source.library()), self.target)?;
        Ok(gather(&plan, &Debian::default(), self.target, self.index, self.cache, self.builder)?.all)
    }
}

fn of_library(library: &Library, place: &str) -> Result<Pin, PythonError> {
    let version = library.wheel.name.version.clone();
    let name = library.wheel.file.clone();
    let file = LockedFile { name, url: library.url.clone(), sha256: library.sha256, is_direct: false };
    Ok(Pin::of_wheel(library.name.clone(), version, file, place))
}
