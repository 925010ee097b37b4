//! Deletion of trees, and the folder in the cache that one build works in. Deletion stops at every mount point, because
//! a tree may still have a bind mount of the host's `/dev` in it, and that must not be emptied.

use std::ffi::{CStr, OsStr};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, OpenHow, ResolveFlag, openat2};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Why a tree could not be deleted, or a work folder could not be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TreeError {
    /// Something is mounted at `path`. It was not touched.
    #[error("{path} is a mount point, so the deletion of the tree stopped there")]
    #[diagnostic(help("`findmnt -R {path}` shows what is mounted there: unmount it, and try again"))]
    Mount { path: String },
    #[error("cannot {action} {path}: {source}")]
    #[diagnostic(help("check the permissions of that folder, and that the disk has free space"))]
    Io {
        action: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
}

fn io_error(action: &'static str, path: &Path, source: impl Into<io::Error>) -> TreeError {
    TreeError::Io { action, path: path.display().to_string(), source: source.into() }
}

/// Deletes `path` and everything below it. It is no error if `path` does not exist. Symbolic links below `path` are
/// deleted and not followed. An interrupt does not stop the deletion, because it is often the reason for it.
///
/// # Errors
/// At the first mount point, whose contents are not touched, even if it is a bind mount of the same file system; and at
/// the first file that cannot be deleted. The rest of the tree is then still there.
pub fn remove(path: &Path) -> Result<(), TreeError> {
    let absolute = std::path::absolute(path).map_err(|source| io_error("find", path, source))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(TreeError::Mount { path: path.display().to_string() });
    };
    let parent = match File::open(parent) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("open", parent, error)),
    };
    remove_in(parent.as_fd(), name, &absolute)
}

/// As [`remove`], for the name `name` in the open folder `folder`. `shown` is how messages name it.
///
/// # Errors
/// As [`remove`].
pub fn remove_in(folder: BorrowedFd, name: &OsStr, shown: &Path) -> Result<(), TreeError> {
    remove_entry(folder, name, None, shown)
}

fn remove_entry(folder: impl AsFd + Copy, name: &OsStr, kind: Option<Type>, path: &Path) -> Result<(), TreeError> {
    if kind != Some(Type::Directory) {
        match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => return Ok(()),
            // POSIX says EPERM where Linux says EISDIR.
            Err(Errno::EISDIR | Errno::EPERM) => {}
            Err(errno) => return Err(unlink_error(path, errno)),
        }
    }
    remove_below(folder, name, path)?;
    unlinkat(folder, name, UnlinkatFlags::RemoveDir).map_err(|errno| unlink_error(path, errno))
}

fn remove_below(folder: impl AsFd, name: &OsStr, path: &Path) -> Result<(), TreeError> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_BENEATH);
    let opened = openat2(folder, name, how).map_err(|errno| match errno {
        Errno::EXDEV => TreeError::Mount { path: path.display().to_string() },
        errno => io_error("open", path, errno),
    })?;
    let mut folder = Dir::from_fd(opened).map_err(|errno| io_error("read", path, errno))?;
    let mut entries = Vec::new();
    for entry in folder.iter() {
        let entry = entry.map_err(|errno| io_error("read", path, errno))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            entries.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in entries {
        let name = os_str(&name);
        remove_entry(folder.as_fd(), name, kind, &path.join(name))?;
    }
    Ok(())
}

fn os_str(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

fn unlink_error(path: &Path, errno: Errno) -> TreeError {
    match errno {
        // The file or folder is a mount point in this mount namespace (unlink(2), rmdir(2)).
        Errno::EBUSY => TreeError::Mount { path: path.display().to_string() },
        errno => io_error("delete", path, errno),
    }
}

/// The folder of one build. No other build uses it, no other user can enter it, and it is deleted when this value is
/// dropped. If a build is killed, its folder remains until the next build, which deletes it.
pub struct WorkFolder {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held while the folder is in use. The kernel releases it when the process ends, for whatever reason.
    _lock: Flock<File>,
}

impl WorkFolder {
    /// Makes a new folder in `parent`, which is [`super::cache::Cache::work`]. First it deletes the folders of
    /// builds that no longer run.
    ///
    /// # Errors
    /// When the folder cannot be made. It is no error if an old folder cannot be deleted: it may belong to another
    /// user.
    pub fn create(parent: &Path) -> Result<Self, TreeError> {
        // One process at a time makes or deletes folders, so that none is deleted between being made and being locked.
        let door = lock(&parent.join("lock"), FlockArg::LockExclusive)?;
        delete_stale(parent).map_err(|source| io_error("read", parent, source))?;
        let (lock_file, lock_path) = tempfile::Builder::new()
            .prefix("build-")
            .suffix(".lock")
            .tempfile_in(parent)
            .and_then(|file| file.keep().map_err(|error| error.error))
            .map_err(|source| io_error("make a work folder in", parent, source))?;
        let lock = Flock::lock(lock_file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| io_error("lock", &lock_path, errno))?;
        let path = lock_path.with_extension("");
        // Nobody else may enter: a root in it has set-user-id programs, which would run for every user of this machine.
        DirBuilder::new().mode(0o700).create(&path).map_err(|source| io_error("make", &path, source))?;
        drop(door);
        Ok(Self { path, lock_path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // If the deletion fails, the lock file stays, and with it the next build finds and deletes the folder.
        if remove(&self.path).is_ok() {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>, TreeError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| io_error("open", path, source))?;
    Flock::lock(file, how).map_err(|(_, errno)| io_error("lock", path, errno))
}

fn delete_stale(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        if path.extension() != Some(OsStr::new("lock")) {
            continue;
        }
        let Ok(held) = lock(&path, FlockArg::LockExclusiveNonblock) else { continue };
        if remove(&path.with_extension("")).is_ok() {
            let _ = fs::remove_file(&path);
        }
        drop(held);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_deleted_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), b"").unwrap();
        fs::write(tree.join("a/b/file"), b"").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        symlink("nowhere", tree.join("dangling")).unwrap();
        remove(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("kept").exists());
        remove(&tree).unwrap();
    }

    #[test]
    fn a_work_folder_is_deleted_when_it_is_dropped_and_an_abandoned_one_by_the_next_build() {
        let parent = tempfile::tempdir().unwrap();
        let running = WorkFolder::create(parent.path()).unwrap();
        let mode = fs::metadata(running.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "other users can enter it");
        fs::write(running.path().join("file"), b"").unwrap();
        let abandoned = parent.path().join("build-killed");
        fs::create_dir_all(abandoned.join("root")).unwrap();
        fs::write(parent.path().join("build-killed.lock"), b"").unwrap();
        let second = WorkFolder::create(parent.path()).unwrap();
        assert!(!abandoned.exists(), "nobody held its lock");
        assert!(running.path().join("file").exists(), "its lock is held");
        let paths = [running.path().to_owned(), second.path().to_owned()];
        drop((running, second));
        assert!(paths.iter().all(|path| !path.exists()));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "only the lock of all builds remains");
    }
}
