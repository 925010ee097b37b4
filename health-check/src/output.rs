//! Output: a line at the end of the log, files that are complete at all times, a line for the journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Appends one line to a file, which is made if it is missing.
///
/// It is a single write to a file that is open for appending, so that lines of several writers do not mix; and
/// without waiting, so that a named pipe that nobody reads is an error and not the end of all checks.
///
/// # Errors
/// When the file cannot be opened, or has not taken the whole line.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Replaces a file. Its readers see either the old content or the new one.
///
/// The content is not synced to the disk: that would take for ever on a disk that hangs, and after a crash the next
/// check soon writes the file again.
///
/// # Errors
/// When `write` fails, or the new file cannot be written beside the old one. The old one is then unchanged.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let file = File::create(&temporary).map(BufWriter::new);
    let written = file.and_then(|mut file| write(&mut file).and_then(|()| file.flush()));
    let written = written.and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error of the removal is ignored: there may be no file, and the first error is the useful one.
        _ = fs::remove_file(&temporary);
    }
    written
}

/// Prints the findings. If standard output is not a terminal, the priority for the journal is put before them
/// (sd-daemon(3)): 6 means information, 3 means error.
///
/// # Errors
/// When standard output is closed or full.
pub fn say(healthy: bool, line: &str) -> io::Result<()> {
    let priority = match (io::stdout().is_terminal(), healthy) {
        (true, _) => "",
        (false, true) => "<6>",
        (false, false) => "<3>",
    };
    print(|out| writeln!(out, "{priority}{line}"))
}

/// Writes to standard output.
///
/// # Errors
/// When standard output is closed or full, and when `write` fails.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    write(&mut stdout)?;
    stdout.flush()
}

/// Writes an error of the check itself to standard error. If that fails too, nothing else can be done.
pub fn complain(message: &str) {
    let priority = if io::stderr().is_terminal() { "" } else { "<3>" };
    _ = writeln!(io::stderr(), "{priority}health-check: {message}");
}
