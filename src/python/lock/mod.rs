//! What the project asks for: a file of requirements or a lock, of whatever tool → a [`PinnedLibraries`], one library at one
//! version a [`Pin`]. Each format has a file of its own.

pub(in crate::python) mod address;
mod asked;
mod line;
mod pin;
mod poetry;
mod project_file;
mod pylock;
mod requirements;
mod stack_lock;
mod uv;

use std::path::Path;

pub use asked::Requirements;
pub use pin::{LockedFile, Pin, PinnedLibraries};
pub use stack_lock::{FILE_NAME, empty, pins, write};

use self::project_file::LockFormat;
use super::{PythonError, PythonTarget};

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
