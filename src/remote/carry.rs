//! Carries the data of one server to another: old → here → new, as one stream. Nothing of it touches this machine's disk.

use std::io::{self, Write};

use super::RemoteError;
use super::archive::SaveContents;
use super::data::RemotePackage;
use super::maintenance::Maintenance;

/// Copies the data of `old`, whose site is in `maintenance`, to `new`. What `new` had is replaced.
///
/// Returns what was carried, and sentences about what was not taken over.
///
/// # Errors
/// When a connection breaks, either server fails, the maintenance ends, or what has arrived differs from what was sent.
/// `new` then has the data that it had.
pub fn carry(
    old: &RemotePackage,
    new: &RemotePackage,
    maintenance: &Maintenance,
) -> Result<(SaveContents, Vec<String>), RemoteError> {
    let mut target = new.data(&["restore", "--replace"])?;
    let Some(stdin) = target.child.stdin.take() else {
        return Err(RemoteError::NoSsh(io::Error::other("ssh has no input")));
    };
    let mut pipe = Guarded { stdin, maintenance };
    match old.receive(&["save"], &mut pipe) {
        Ok(contents) => {
            drop(pipe);
            let notes = new.finish_restore(target, &contents)?;
            Ok((contents, notes))
        }
        // The new server says why it takes no more.
        Err(error @ RemoteError::Copy(_)) if !maintenance.is_lost() => {
            drop(pipe);
            Err(target.finish().err().unwrap_or(error))
        }
        Err(error) => Err(error),
    }
}

/// The way to the new server, as long as nothing is written on the old one.
struct Guarded<'a, W> {
    stdin: W,
    maintenance: &'a Maintenance,
}

impl<W: Write> Write for Guarded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.maintenance.is_lost() {
            return Err(io::Error::other("the old site is in service again, so its data may change"));
        }
        self.stdin.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.flush()
    }
}
