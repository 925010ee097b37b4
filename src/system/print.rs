//! The one way in which commands print: results go to standard output, everything else to standard error. A reader that
//! has gone (`stackdeb deb | true`) is no error, because it has seen enough; a full disk is one. Nothing here panics.

use std::fmt::Display;
use std::io::{self, Write};

use super::words::shown;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write to standard output: {0}")]
#[diagnostic(help("whatever the command has made is there; only what it says about it is lost"))]
pub struct PrintError(#[source] io::Error);

/// Writes a line to standard output. Control characters in it are shown as what they are, and secrets are replaced.
///
/// # Errors
/// When that fails for another reason than a reader that has gone.
pub fn line(line: impl Display) -> Result<(), PrintError> {
    text(&shown(&format!("{line}\n")))
}

/// Writes a text as it is to standard output.
///
/// # Errors
/// As [`line()`].
pub fn text(text: &str) -> Result<(), PrintError> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(PrintError),
    }
}

/// Writes a line to standard error. If that fails, there is no place left to say so.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The same, without the end of the line.
pub fn prompt(text: impl Display) {
    let mut output = io::stderr().lock();
    let _ = write!(output, "{text}").and_then(|()| output.flush());
}
