//! Writes `stack.lock`: chooses the versions of the libraries, and the packages of an image. Either part may be missing. If one of
//! several locks cannot be written, all are put back as they were.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::image_suite::can_be_made;
use super::lock_file::{LockFile, lock_to_write, write_libraries, write_packages};
use super::{libraries, lock_packages};
use crate::apt::{OlderRelease, PackageLock};
use crate::python::Library;
use crate::stack::Stack;
use crate::system::output::{self, OutputError};
use crate::system::progress::Reporter;

/// Which parts are to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// Each that the stack can have.
    All,
    Libraries,
    Packages,
}

pub struct WrittenLock {
    pub path: PathBuf,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
    /// `None` if the stack has none to lock.
    pub libraries: Option<Vec<Library>>,
    /// `None` if the file has no part with packages.
    pub packages: Option<PackageLock>,
}

/// Chooses versions and writes the lock of each stack. The lock of the first has the packages of an image of all of them.
///
/// # Errors
/// When a stack has nothing to lock, no versions fit together, or a lock cannot be written. All locks are then as they were.
pub fn write(
    stacks: &[Stack],
    parts: Parts,
    older: OlderRelease,
    reporter: Reporter,
) -> miette::Result<Vec<WrittenLock>> {
    let paths = stacks.iter().map(lock_to_write).collect();
    all_or_nothing(paths, || write_parts(stacks, parts, older, reporter))
}

/// Lets `write` write the locks `paths`, and puts them back as they were if it fails. The packages of an image follow from the
/// libraries, so those of the new lock are written first.
///
/// # Errors
/// When `write` fails, or a lock cannot be read or put back.
pub(super) fn all_or_nothing<T>(paths: Vec<PathBuf>, write: impl FnOnce() -> miette::Result<T>) -> miette::Result<T> {
    let read = |path: PathBuf| Ok((path.clone(), LockFile::read(path)?));
    let before: Vec<(PathBuf, Option<LockFile>)> = paths.into_iter().map(read).collect::<miette::Result<_>>()?;
    let written = write();
    if written.is_err() {
        for (path, file) in before {
            restore(&path, file)?;
        }
    }
    written
}

/// Puts a file back as it was, if it is another one.
fn restore(path: &PathBuf, before: Option<LockFile>) -> Result<(), OutputError> {
    match before {
        Some(file) if fs::read(path).is_ok_and(|now| now == file.text.as_bytes()) => Ok(()),
        Some(file) => output::write_file(path, file.text.as_bytes()),
        None => match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(OutputError { path: path.display().to_string(), source })
            }
            _ => Ok(()),
        },
    }
}

fn write_parts(
    stacks: &[Stack],
    parts: Parts,
    older: OlderRelease,
    reporter: Reporter,
) -> miette::Result<Vec<WrittenLock>> {
    let mut all = Vec::new();
    for stack in stacks {
        let mut written =
            WrittenLock { path: lock_to_write(stack), warnings: Vec::new(), libraries: None, packages: None };
        if parts == Parts::Libraries || (parts == Parts::All && libraries::can_be_locked(stack)?) {
            let (libraries, text) = libraries::choose(stack, None, reporter)?;
            write_libraries(stack, &written.path, &text)?;
            written.warnings = libraries.needs.warnings;
            written.libraries = Some(libraries.all);
        }
        all.push(written);
    }
    let (Some(first), Some(written)) = (stacks.first(), all.first_mut()) else { return Ok(all) };
    if parts == Parts::Packages || (parts == Parts::All && (written.libraries.is_none() || can_be_made(first)?)) {
        let chosen = lock_packages::choose(stacks, older, reporter)?;
        write_packages(first, &written.path, &chosen)?;
        written.packages = Some(chosen);
    }
    Ok(all)
}
