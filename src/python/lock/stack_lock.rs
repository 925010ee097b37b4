//! `stack.lock`: the libraries at the versions that `stackdeb lock` has chosen, each with the address and digest of its wheel.
//! A library without one has those of its source distribution, and of the wheels that its build needs.
//! The format is that of `pylock.toml` (PEP 751), with a table of stackdeb's own that says what the lock was made from.

use std::fmt::Write;
use std::path::Path;

use super::pin::{Pin, PinnedLibraries};
use super::project_file::text_of;
use super::pylock::{self, LockOrigin, Pylock};
use crate::python::{Libraries, PythonError, PythonTarget};
use crate::system::hash::Sha256;

/// The name of the file, beside stack.toml.
pub const FILE_NAME: &str = "stack.lock";

/// Reads the lock, and checks that it was made from `asked` for that suite. `None` if it is about no libraries. `requirements` is
/// the file's name, for messages.
pub(super) fn read(
    path: &Path,
    project: &Path,
    suite: &str,
    asked: &[String],
    requirements: &str,
    target: &PythonTarget,
) -> Result<Option<PinnedLibraries>, PythonError> {
    let Some(OpenStackLock { lock, shown, input }) = open(path, project, suite)? else { return Ok(None) };
    if input != digest(asked) {
        let why = format!("{requirements} asks for something else now");
        return Err(PythonError::Stale { path: shown, why });
    }
    pylock::plan(lock, shown, target).map(Some)
}

/// The libraries of the lock at `path`, whatever the project asks for now; `None` if it is about no libraries.
///
/// # Errors
/// When it cannot be read, has a mistake, or was made for another suite.
pub fn pins(path: &Path, project: &Path, suite: &str, target: &PythonTarget) -> Result<Option<Vec<Pin>>, PythonError> {
    let Some(OpenStackLock { lock, shown, .. }) = open(path, project, suite)? else { return Ok(None) };
    Ok(Some(pylock::plan(lock, shown, target)?.pins))
}

/// A `stack.lock` in which libraries are locked, read and not yet compared with what the stack asks for.
struct OpenStackLock {
    lock: Pylock,
    /// Its name, for messages.
    shown: String,
    /// The digest of what was asked for, see [`LockOrigin`].
    input: String,
}

fn open(path: &Path, project: &Path, suite: &str) -> Result<Option<OpenStackLock>, PythonError> {
    let (text, shown) = text_of(path, project)?;
    let lock = Pylock::parse(&text, &shown)?;
    let Some(origin) = &lock.origin else {
        return Err(PythonError::Lock { path: shown, reason: "it was not written by `stackdeb lock`".to_owned() });
    };
    let LockOrigin { suite: Some(made_for), input: Some(input) } = origin else { return Ok(None) };
    if made_for != suite {
        let why = format!("it was made for the suite {made_for}, and [image] suite is {suite}");
        return Err(PythonError::Stale { path: shown, why });
    }
    let input = input.clone();
    Ok(Some(OpenStackLock { lock, shown, input }))
}

/// The digest of what is asked for: the requirements and constraints, whatever their order.
fn digest(asked: &[String]) -> String {
    let mut sorted = asked.to_vec();
    sorted.sort();
    Sha256::of(sorted.join("\n").as_bytes()).to_string()
}

/// What each lock begins with.
const HEAD: &str = "# Written by `stackdeb lock`: run that again to change it. Keep this file with the project.\n\
                    lock-version = \"1.0\"\n";

/// The text of a lock without libraries.
pub fn empty() -> String {
    format!("{HEAD}created-by = \"stackdeb\"\npackages = []\n")
}

/// The text of the lock. `index` is the index's address without a password.
pub fn write(libraries: &Libraries, suite: &str, asked: &[String], target: &PythonTarget, index: &str) -> String {
    let mut text = format!("{HEAD}requires-python = \"==3.{}.*\"\ncreated-by = \"stackdeb\"\n", target.minor);
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    // Writing to a text does not fail.
    for library in &libraries.all {
        let (name, version) = (quoted(library.name.as_ref()), quoted(&library.version));
        let _ = write!(text, "\n[[packages]]\nname = {name}\nversion = {version}\n");
        let (url, sha256) = (quoted(&library.url), library.sha256);
        if library.is_direct {
            let _ = write!(text, "[packages.archive]\nurl = {url}\nhashes = {{ sha256 = \"{sha256}\" }}\n");
            continue;
        }
        let (table, file) = match &library.built {
            None => ("[packages.wheels]", &library.wheel.file),
            Some(built) => ("packages.sdist", &built.file),
        };
        let _ = write!(
            text,
            "index = {}\n[{table}]\nname = {}\nurl = {url}\nhashes = {{ sha256 = \"{sha256}\" }}\n",
            quoted(index),
            quoted(file),
        );
        let Some(built) = &library.built else { continue };
        let _ = write!(text, "[packages.tool.stackdeb]\nbuild-requirements = [\n");
        for tool in &built.tools {
            let (name, url) = (quoted(&tool.wheel.file), quoted(&tool.url));
            let digest = tool.sha256;
            let _ = writeln!(text, "    {{ name = {name}, url = {url}, hashes = {{ sha256 = \"{digest}\" }} }},");
        }
        text.push_str("]\n");
    }
    let _ = write!(text, "\n[tool.stackdeb]\nsuite = \"{suite}\"\ninput = \"{}\"\n", digest(asked));
    text
}
