//! Where a root is on this machine. Only messages and the sandbox's mounts need that, and they can do nothing else with it.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

use super::Root;

/// The absolute path of a root, without links.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::rootfs) struct Location(PathBuf);

impl Location {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Mounts the root at the place where it is, and opens this mount. Nothing that is mounted in it is shown.
    pub(in crate::rootfs) fn mount(&self) -> nix::Result<OwnedFd> {
        self.mount_at(&self.0)?;
        open(&self.0, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// Mounts the root at `target`.
    pub(in crate::rootfs) fn mount_at(&self, target: &Path) -> nix::Result<()> {
        mount(Some(&self.0), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Root {
    /// A mount point inside the root, if there is one. To remove files there would remove those of another file system; a
    /// host has lost its `/dev` in this way.
    ///
    /// # Errors
    /// When /proc is not mounted.
    pub fn mount_inside(&self) -> io::Result<Option<String>> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let root = &self.location.0;
        // proc_pid_mountinfo(5): the fifth field is the mount point, with spaces and such in octal.
        let below = |line: &str| {
            let point = line.split(' ').nth(4)?.replace("\\040", " ");
            let inside = Path::new(&point) != root && Path::new(&point).starts_with(root);
            inside.then_some(point)
        };
        Ok(mounts.lines().find_map(below))
    }
}
