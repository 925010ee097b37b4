//! The times of a root's files.

use std::io;
use std::path::PathBuf;

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, SFlag, UtimensatFlags, fstat, fstatat, futimens, utimensat};
use nix::sys::time::TimeSpec;

use super::{Root, names_in};
use crate::system::epoch::Epoch;
use crate::system::interrupt;

impl Root {
    /// Sets the times of modification of the root and of everything in it to whole seconds, or to `epoch` if they are later.
    /// A file that has such a time is not touched, because in an [`crate::rootfs::Overlay`] that would copy it.
    ///
    /// # Errors
    /// When a time cannot be set, with the path; or when the user interrupts.
    pub fn clamp_times(&self, epoch: Epoch) -> Result<(), (PathBuf, io::Error)> {
        let mut folders = vec![PathBuf::new()];
        while let Some(path) = folders.pop() {
            let clamp = || -> io::Result<Vec<PathBuf>> {
                interrupt::check()?;
                let mut below = Vec::new();
                let (folder, names) = names_in(self.file(&path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?)?;
                for name in names {
                    let found = fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
                    if found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits() {
                        below.push(path.join(&name));
                    }
                    let Some(time) = clamped(&found, epoch) else { continue };
                    utimensat(&folder, name.as_os_str(), &time, &time, UtimensatFlags::NoFollowSymlink)?;
                }
                if let Some(time) = clamped(&fstat(&folder)?, epoch) {
                    futimens(&folder, &time, &time)?;
                }
                Ok(below)
            };
            let below = clamp().map_err(|error| (path.clone(), error))?;
            folders.extend(below);
        }
        Ok(())
    }
}

/// The time that a file gets; `None` if it has that already. The time of access alone is not looked at.
fn clamped(found: &FileStat, epoch: Epoch) -> Option<TimeSpec> {
    let latest = epoch.seconds().into();
    let differs = found.st_mtime > latest || found.st_mtime_nsec != 0;
    differs.then(|| TimeSpec::new(found.st_mtime.min(latest), 0))
}
