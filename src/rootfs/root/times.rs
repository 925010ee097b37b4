//! The times of a root's files.

use std::io;
use std::path::PathBuf;

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, UtimensatFlags, fstat, fstatat, futimens, utimensat};
use nix::sys::time::TimeSpec;

use super::{Root, names_in};
use crate::rootfs::{EntryKind, RootEntry};
use crate::system::epoch::Epoch;
use crate::system::interrupt;

impl Root {
    /// Sets the times of modification of the root and of everything in it to whole seconds, or to `epoch` if they are later.
    /// A file that has such a time is not touched, because in an [`crate::rootfs::Overlay`] that would copy it. Returns what is
    /// in the root.
    ///
    /// # Errors
    /// When a time cannot be set, with the path; or when the user interrupts.
    pub fn clamp_times(&self, epoch: Epoch) -> Result<Vec<RootEntry>, (PathBuf, io::Error)> {
        let mut entries = Vec::new();
        // The folders that are still to come, each with its number.
        let (mut folders, mut count) = (vec![(0, PathBuf::new())], 1_usize);
        while let Some((number, path)) = folders.pop() {
            let mut clamp = || -> io::Result<Vec<(usize, PathBuf)>> {
                interrupt::check()?;
                let mut below = Vec::new();
                let (folder, names) = names_in(self.file(&path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?)?;
                for name in names {
                    let look = || fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
                    let mut found = look()?;
                    if let Some(time) = clamped(&found, epoch) {
                        utimensat(&folder, name.as_os_str(), &time, &time, UtimensatFlags::NoFollowSymlink)?;
                        // In an overlay, it can be another file now.
                        found = look()?;
                    }
                    let entry = RootEntry::of(&found, number, name.len());
                    if entry.kind == EntryKind::Folder {
                        below.push((count, path.join(&name)));
                        count = count.saturating_add(1);
                    }
                    entries.push(entry);
                }
                let found = fstat(&folder)?;
                if let Some(time) = clamped(&found, epoch) {
                    futimens(&folder, &time, &time)?;
                }
                if number == 0 {
                    entries.push(RootEntry::of(&found, number, 0));
                }
                Ok(below)
            };
            let below = clamp().map_err(|error| (path.clone(), error))?;
            folders.extend(below);
        }
        Ok(entries)
    }
}

/// The time that a file gets; `None` if it has that already. The time of access alone is not looked at.
fn clamped(found: &FileStat, epoch: Epoch) -> Option<TimeSpec> {
    let latest = epoch.seconds().into();
    let differs = found.st_mtime > latest || found.st_mtime_nsec != 0;
    differs.then(|| TimeSpec::new(found.st_mtime.min(latest), 0))
}
