//! An overlay (overlayfs in the kernel's documentation): a folder that shows a tree, and takes changes without changing that
//! tree. An image begins with a tree that is kept, and only the files that differ are made.

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use xattr::FileExt;

/// A mounted overlay. It is unmounted when this value is dropped, and at the latest when the process ends, because the mount
/// is in a namespace of this process alone.
#[derive(Debug)]
pub struct Overlay {
    point: PathBuf,
}

impl Overlay {
    /// Shows the folder `lower` at `point`. What is changed there is written below the folder `changes`. Both are made, and
    /// must be on one file system. The process must have a mount namespace of its own; see
    /// [`crate::system::userns::own_mounts`].
    ///
    /// # Errors
    /// When the kernel is older than 5.11 and so does not allow overlays in a user namespace, the file system cannot have the
    /// changes of one, or a path has a character that separates the options of a mount.
    pub fn mount(lower: &Path, changes: &Path, point: &Path) -> io::Result<Self> {
        let (upper, work) = (changes.join("upper"), changes.join("work"));
        for folder in [&upper, &work, &point.to_owned()] {
            fs::create_dir_all(folder)?;
        }
        let shown = |path: &Path| {
            let text = path.to_str().filter(|text| !text.contains([',', ':', '\\']));
            text.map(str::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
        };
        // The kernel does not wait for the disk (`volatile`). The rest of the options is what works without privileges.
        let options = format!(
            "lowerdir={},upperdir={},workdir={},userxattr,volatile",
            shown(lower)?,
            shown(&upper)?,
            shown(&work)?
        );
        copy_properties(lower, &upper)?;
        mount(Some("overlay"), point, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
        Ok(Self { point: point.to_owned() })
    }
}

/// The folder for the changes stands for the root of the overlay, so it gets what that of the tree has.
fn copy_properties(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (File::open(from)?, File::open(to)?);
    let found = from.metadata()?;
    fchown(&to, Some(found.uid()), Some(found.gid()))?;
    to.set_permissions(found.permissions())?;
    for name in from.list_xattr()? {
        to.set_xattr(&name, &from.get_xattr(&name)?.unwrap_or_default())?;
    }
    let time = found.modified()?;
    to.set_times(FileTimes::new().set_accessed(time).set_modified(time))
}

impl Drop for Overlay {
    fn drop(&mut self) {
        // `MNT_DETACH` unmounts it even while a file in it is open.
        let _ = umount2(&self.point, MntFlags::MNT_DETACH);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_for_changes_is_like_the_trees() {
        let folder = tempfile::tempdir().unwrap();
        let [lower, upper] = ["lower", "upper"].map(|name| folder.path().join(name));
        for path in [&lower, &upper] {
            fs::create_dir(path).unwrap();
        }
        fs::set_permissions(&lower, PermissionsExt::from_mode(0o1751)).unwrap();
        xattr::set(&lower, "user.colour", b"blue").unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&lower, Some(524_288), Some(524_289)).unwrap();
        }
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::open(&lower).unwrap().set_modified(time).unwrap();
        copy_properties(&lower, &upper).unwrap();
        let properties = |path: &Path| {
            let found = fs::metadata(path).unwrap();
            (found.mode(), found.uid(), found.gid(), found.mtime(), xattr::get(path, "user.colour").unwrap())
        };
        assert_eq!(properties(&upper), properties(&lower));
    }

    #[test]
    fn a_path_cannot_add_options() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a,b", "a:b", "a\\b"] {
            let lower = folder.path().join(name);
            fs::create_dir(&lower).unwrap();
            let error =
                Overlay::mount(&lower, &folder.path().join("changes"), &folder.path().join("point")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
    }
}
