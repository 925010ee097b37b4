//! The text of `stack.lock`: finds it and reads it, and replaces one of its two parts: the libraries, or
//! the packages of an image. The other part stays as it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::apt::{PackageLock, lock as packages};
use crate::python::lock as libraries;
use crate::stack::Stack;
use crate::system::output;

/// A lock that was read.
pub(super) struct LockFile {
    pub text: String,
    /// The file's name, which messages say.
    pub shown: String,
}

impl LockFile {
    /// The lock that holds for a stack; `None` if it has no lock.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(stack: &Stack) -> miette::Result<Option<Self>> {
        Self::read(lock_to_read(stack))
    }

    pub fn read(path: PathBuf) -> miette::Result<Option<Self>> {
        let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Self { text, shown })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(miette::miette!(
                help = "make it readable, or remove it and run `stackdeb lock`",
                "cannot read {}: {error}",
                path.display()
            )),
        }
    }
}

/// The lock beside stack.toml that `stackdeb lock` writes: `stack.lock`, for a variant `stack.VARIANT.lock`.
pub fn lock_to_write(stack: &Stack) -> PathBuf {
    let name =
        stack.variant().map_or_else(|| libraries::FILE_NAME.to_owned(), |variant| format!("stack.{variant}.lock"));
    stack.folder.join(name)
}

/// The lock that holds. A variant that has no lock of its own uses the stack's.
pub(super) fn lock_to_read(stack: &Stack) -> PathBuf {
    let own = lock_to_write(stack);
    if own.is_file() { own } else { stack.folder.join(libraries::FILE_NAME) }
}

/// Writes the part with the libraries into the file `path`, with the packages of the lock that holds for the stack. A file that has
/// this text already is left alone.
pub(super) fn write_libraries(stack: &Stack, path: &Path, text: &str) -> miette::Result<()> {
    let old = LockFile::of(stack)?.map(|file| file.text).unwrap_or_default();
    let (_, rest) = packages::split(&old);
    let gap = if rest.is_empty() { "" } else { "\n" };
    let new = format!("{text}{gap}{rest}");
    if fs::read(path).is_ok_and(|now| now == new.as_bytes()) {
        return Ok(());
    }
    Ok(output::write_file(path, new.as_bytes())?)
}

/// Writes the part with the packages into the file `path`, with the libraries of the lock that holds for the stack.
pub(super) fn write_packages(stack: &Stack, path: &Path, new: &PackageLock) -> miette::Result<()> {
    let old = LockFile::of(stack)?.map(|file| file.text).unwrap_or_default();
    let (before, _) = packages::split(&old);
    let before = if before.trim().is_empty() { libraries::empty() } else { before.to_owned() };
    let text = format!("{}\n\n{}", before.trim_end(), new.to_text());
    Ok(output::write_file(path, text.as_bytes())?)
}
