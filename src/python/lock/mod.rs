//! What the project asks for: a file of requirements or a lock, of whatever tool → a [`PinnedLibraries`], one library at one
//! version a [`Pin`]. Each format has a file of its own.

pub(in crate::python) mod address;
mod asked;
mod poetry;
mod pylock;
mod requirements;
mod stack_lock;
mod uv;

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifier};
use pep508_rs::{ExtraName, MarkerTree, PackageName, Requirement, VerbatimUrl, VersionOrUrl};

pub use asked::Requirements;
pub use stack_lock::{FILE_NAME, empty, pins, write};

use super::index::percent_decoded as decoded;
use super::{PythonError, PythonTarget};
use crate::system::hash::Sha256;

/// Which libraries to pack, each at one version.
#[derive(Debug, Clone)]
pub struct PinnedLibraries {
    /// The file that it was read from, for messages: `requirements.txt`.
    pub source: String,
    /// In the order of the file; each name once.
    pub pins: Vec<Pin>,
    /// What is asked for; the rest of the pins is packed if one of these needs it. `None` when all pins are.
    pub roots: Option<Vec<Requirement<VerbatimUrl>>>,
    /// The address of the index, if the file names one.
    pub index: Option<String>,
}

/// A library at one version.
#[derive(Debug, Clone)]
pub struct Pin {
    pub name: PackageName,
    pub version: Version,
    pub extras: BTreeSet<ExtraName>,
    /// The digests that its file may have. Empty when the file does not say, and the index decides.
    pub hashes: Vec<Sha256>,
    /// Where the file says that its wheels and its source distribution are.
    pub files: Vec<LockedFile>,
    /// What the build of the source distribution needs, each with one wheel. `None` when the file does not say.
    pub tools: Option<Vec<Pin>>,
    /// Where it stands: `requirements.txt, line 3`.
    pub place: String,
}

impl PinnedLibraries {
    /// Whether a library may have to be built from its source.
    pub fn may_build(&self) -> bool {
        self.pins.iter().any(|pin| pin.tools.is_some())
    }
}

impl Pin {
    /// A library with a single file.
    pub(super) fn of_wheel(name: PackageName, version: Version, file: LockedFile, place: &str) -> Self {
        let (hashes, files, place) = (vec![file.sha256], vec![file], place.to_owned());
        Self { name, version, extras: BTreeSet::new(), hashes, files, tools: None, place }
    }

    /// The pin as a requirement: `flask[async]==3.1.0`.
    pub(super) fn requirement(&self) -> Requirement<VerbatimUrl> {
        Requirement {
            name: self.name.clone(),
            extras: self.extras.iter().cloned().collect(),
            version_or_url: Some(VersionOrUrl::VersionSpecifier(
                VersionSpecifier::equals_version(self.version.clone()).into(),
            )),
            marker: MarkerTree::TRUE,
            origin: None,
        }
    }
}

/// A file of a library, as a lock names it.
#[derive(Debug, Clone)]
pub struct LockedFile {
    pub name: String,
    pub url: String,
    pub sha256: Sha256,
    /// Whether the requirement names that address, so that no index is asked for the file.
    pub is_direct: bool,
}

/// The format of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LockFormat {
    Requirements,
    Pyproject,
    Pylock,
    Uv,
    Poetry,
}

impl LockFormat {
    fn of(path: &Path, shown: &str) -> Result<Self, PythonError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.as_str() {
            "pyproject.toml" => Ok(Self::Pyproject),
            "uv.lock" => Ok(Self::Uv),
            "poetry.lock" => Ok(Self::Poetry),
            "pylock.toml" => Ok(Self::Pylock),
            _ if name.starts_with("pylock.") && name.ends_with(".toml") => Ok(Self::Pylock),
            _ if name.ends_with(".txt") || name.ends_with(".in") => Ok(Self::Requirements),
            _ => Err(PythonError::UnknownFile(shown.to_owned())),
        }
    }
}

/// Reads the file of requirements or the lock at `path`, for `target`. What is not pinned by itself needs `lock`,
/// the project's `stack.lock`, which is read where it is there.
///
/// # Errors
/// When it cannot be read, has a mistake, or does not name one version of each library; or when `stack.lock` is missing, or
/// was made from something else.
pub fn read(
    path: &Path,
    project: &Path,
    lock: &Path,
    suite: &str,
    target: &PythonTarget,
) -> Result<PinnedLibraries, PythonError> {
    if let Some(asked) = Requirements::read(path, project)? {
        let locked = match lock.is_file() {
            true => stack_lock::read(lock, project, suite, &asked.all(), &asked.source, target)?,
            false => None,
        };
        if let Some(plan) = locked {
            // What is asked for, and not the lock's exact versions, is what Debian's package must satisfy.
            let roots = asked.files.requirements.into_iter().map(|line| line.requirement).collect();
            return Ok(PinnedLibraries { index: asked.files.index, roots: Some(roots), ..plan });
        }
        return plan(asked, target);
    }
    match LockFormat::of(path, &path.display().to_string())? {
        LockFormat::Uv => uv::read(path, project, target),
        LockFormat::Poetry => poetry::read(path, project, target),
        LockFormat::Pylock | LockFormat::Requirements | LockFormat::Pyproject => pylock::read(path, project, target),
    }
}

/// The plan of a file that pins each version by itself.
///
/// # Errors
/// When it does not.
fn plan(asked: Requirements, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let pins = requirements::pins(&asked.files, target)?;
    Ok(PinnedLibraries { source: asked.source, pins, roots: None, index: asked.files.index })
}

/// The plan of lines that a resolver has written. `source` is what messages call them.
///
/// # Errors
/// When a line cannot be read, or has no version.
pub(super) fn of_lines(lines: &[String], source: &str, target: &PythonTarget) -> Result<PinnedLibraries, PythonError> {
    let files = requirements::RequirementsFiles::of_text(&lines.join("\n"), source)?;
    let pins = requirements::pins(&files, target)?;
    Ok(PinnedLibraries { source: source.to_owned(), pins, roots: None, index: None })
}

/// Whether a marker of a lock holds. The error is a phrase.
fn holds(marker: &str, target: &PythonTarget) -> Result<bool, String> {
    let requirement = Requirement::<VerbatimUrl>::from_str(&format!("x ; {marker}"));
    let requirement = requirement.map_err(|_| format!("the marker `{marker}` cannot be read"))?;
    Ok(requirement.evaluate_markers(target.markers(), &[]))
}

/// The text of a file of the project, and its path as a user sees it.
fn text_of(path: &Path, project: &Path) -> Result<(String, String), PythonError> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let shown = real(path).strip_prefix(real(project)).unwrap_or(path).display().to_string();
    let text = std::fs::read_to_string(path);
    text.map(|text| (text.trim_start_matches('\u{feff}').to_owned(), shown.clone()))
        .map_err(|source| PythonError::Unreadable { path: shown, source })
}
