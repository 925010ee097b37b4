//! Variables for the alert programs: the line of the findings → a file. The script that runs the administrator's programs
//! reads it, as the user that wrote it: for systemd, which is root, a link in its place could lead anywhere.

use std::fs;
use std::io;
use std::path::Path;

use crate::environment;

/// The content of the file. `HEALTH_LINE` is the line of the findings, with the files that could not be written.
/// `HEALTH_FAILURES` is the number of failed checks in a row, this one included; it is missing if there is no history.
pub fn variables(line: &str, failures: &[String], unhealthy_checks: Option<usize>) -> String {
    let fields = std::iter::once(line).chain(failures.iter().map(String::as_str));
    let line = fields.collect::<Vec<_>>().join(" | ").replace(char::is_control, " ");
    let count = unhealthy_checks.map(|count| environment::line("HEALTH_FAILURES", &count.to_string()));
    environment::line("HEALTH_LINE", &line) + &count.unwrap_or_default()
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
