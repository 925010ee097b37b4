//! Environment file for the alert programs: the line of the findings → a file with variables. systemd reads it for the
//! unit that runs the administrator's programs (`EnvironmentFile=` in systemd.exec(5)).

use std::fs;
use std::io;
use std::path::Path;

use crate::output;

/// Replaces the file. `HEALTH_LINE` is the line of the findings, with the files that could not be written.
/// `HEALTH_FAILURES` is the number of failed checks in a row, this one included; it is missing if there is no history.
///
/// # Errors
/// When the file cannot be written.
pub fn raise(path: &Path, line: &str, failures: &[String], unhealthy_checks: Option<usize>) -> io::Result<()> {
    let fields = std::iter::once(line).chain(failures.iter().map(String::as_str));
    let line = fields.collect::<Vec<_>>().join(" | ").replace(char::is_control, " ");
    let count = unhealthy_checks.map_or(String::new(), |count| format!("HEALTH_FAILURES={count}\n"));
    output::replace(path, &format!("HEALTH_LINE=\"{}\"\n{count}", quoted(&line)))
}

/// Removes the file if it exists.
///
/// # Errors
/// When it exists and cannot be removed.
pub fn withdraw(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts a text between double quotes and escapes the four characters that have a meaning there.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '"' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}
