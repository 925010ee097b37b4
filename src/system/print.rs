//! The one way in which commands print: results go to standard output, everything else to standard error. A reader that
//! has gone (`stackdeb deb | true`) is no error, because it has seen enough; a full disk is one. Nothing here panics.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::words::{shown, shown_in_json};

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

/// Writes a value as JSON to standard output, on several lines.
///
/// # Errors
/// As [`line()`].
pub fn json(value: &impl Serialize) -> Result<(), PrintError> {
    let json = serde_json::to_string_pretty(value).map_err(|error| PrintError(error.into()))?;
    text(&format!("{}\n", shown_in_json(&json)))
}

/// A time for a report: in seconds, rounded to tenths.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
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
