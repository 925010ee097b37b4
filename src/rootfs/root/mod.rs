//! A root: the tree of files that becomes an image. Packages make links in it, and a link such as `/var/lib/apt → /etc`
//! means the root's own `/etc` and never that of this machine. So this type does not give its path away: each of its
//! functions takes a path inside, which the kernel resolves as if the root were `/` (RESOLVE_IN_ROOT in openat2(2)), and
//! works with the open folder that it finds there.

mod location;
#[cfg(test)]
mod tests;
mod times;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, symlinkat, unlinkat};

use crate::system::tree::{self, TreeError};
use crate::system::userns::Ids;

pub(super) use location::Location;

/// The flags that open a folder in which files are made or looked up.
const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

/// The permissions of a folder that no package has.
const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o755);

/// An open root. All paths are relative to it; a leading `/` is ignored.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
    location: Location,
    ids: Ids,
}

impl Root {
    /// Opens the folder `path` as a root, and makes it if it is missing. Its users have `ids` on this machine.
    ///
    /// # Errors
    /// When the folder cannot be made or opened.
    pub fn create(path: &Path, ids: Ids) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let root = Self::open(path, ids)?;
        let folder = root.file("", OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        root.give(&folder)?;
        fchmod(&folder, FOLDER_MODE)?;
        Ok(root)
    }

    /// Opens the folder `path` as a root. Its users have `ids` on this machine.
    ///
    /// # Errors
    /// When it is not a folder, or cannot be opened.
    pub fn open(path: &Path, ids: Ids) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let folder = nix::fcntl::open(&path, FOLDER | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { folder, location: Location::new(path), ids })
    }

    /// Which ids of this machine its users have.
    pub fn ids(&self) -> Ids {
        self.ids
    }

    /// How messages name a path inside.
    pub fn shown(&self, path: impl AsRef<Path>) -> String {
        let path = path.as_ref().display().to_string();
        format!("{}/{}", self.location, path.trim_start_matches('/'))
    }

    /// For the sandbox, which shows the root to a command.
    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// Opens a path. Links are followed inside the root. A link at the end of the path is
    /// followed too, unless `flags` has `O_NOFOLLOW`.
    pub(super) fn file(&self, path: impl AsRef<Path>, flags: OFlag) -> nix::Result<OwnedFd> {
        let path = path.as_ref();
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_NO_XDEV);
        loop {
            match openat2(&self.folder, path, how) {
                // Something in the tree was renamed while `..` was followed (openat2(2)).
                Err(Errno::EAGAIN) => {}
                result => return result,
            }
        }
    }

    /// Opens a folder to be read from.
    ///
    /// # Errors
    /// When it is not there, or is not a folder.
    pub fn open_folder(&self, path: impl AsRef<Path>) -> io::Result<OwnedFd> {
        Ok(self.file(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?)
    }

    /// Opens a folder, and makes it and those above it if they are missing.
    pub(super) fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        match self.file(path, FOLDER) {
            Err(Errno::ENOENT) => {}
            result => return Ok(result?),
        }
        let (parent, name) = split(path)?;
        let parent = self.folder(parent)?;
        match mkdirat(&parent, name, FOLDER_MODE) {
            Ok(()) => {
                let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let made = openat(&parent, name, flags, Mode::empty())?;
                self.give(&made)?;
                fchmod(&made, FOLDER_MODE)?;
            }
            // Another thread has made it meanwhile, or it is a link that leads to nothing.
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(self.file(path, FOLDER)?)
    }

    /// Opens the folder that a path is in, and returns it with the path's last part.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let (parent, name) = split(path)?;
        Ok((self.file(parent, FOLDER)?, name))
    }

    /// Makes the tree's user `root` the owner of a new file. It is that already if the tree has the ids of this process.
    fn give(&self, file: impl AsFd) -> nix::Result<()> {
        if self.ids == Ids::SAME {
            return Ok(());
        }
        let id = self.ids.root();
        fchown(file, Some(Uid::from_raw(id)), Some(Gid::from_raw(id)))
    }

    /// Writes a new file, which replaces whatever has that name, unless that is a folder. Missing folders are made.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, mode: u32, content: impl AsRef<[u8]>) -> io::Result<()> {
        let (parent, name) = split(path.as_ref())?;
        let mut file = create(&self.folder(parent)?, name)?;
        file.write_all(content.as_ref())?;
        self.give(&file)?;
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Makes a symbolic link, which replaces whatever has that name, unless that is a folder.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn symlink(&self, target: &str, path: impl AsRef<Path>) -> io::Result<()> {
        let (parent, name) = split(path.as_ref())?;
        let parent = self.folder(parent)?;
        replace(&parent, name, || symlinkat(target, &parent, name))?;
        if self.ids != Ids::SAME {
            let id = self.ids.root();
            let (user, group) = (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
            fchownat(&parent, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Makes a folder, and those above it, if they are missing.
    ///
    /// # Errors
    /// When it cannot be made, or something else has its name.
    pub fn make_folder(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.folder(path.as_ref()).map(drop)
    }

    /// Renames a file, and replaces one that has the new name. A link is renamed itself.
    ///
    /// # Errors
    /// When the file is not there or cannot be renamed.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (old_folder, old) = self.parent(Path::new(from))?;
        let (new_folder, new) = self.parent(Path::new(to))?;
        Ok(renameat(&old_folder, old, &new_folder, new)?)
    }

    /// Removes whatever has that name; a folder with all that is in it. A link is removed itself. It is no error
    /// if nothing has that name.
    ///
    /// # Errors
    /// When it cannot be removed, or something is mounted in it.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<(), TreeError> {
        let path = path.as_ref();
        match self.parent(path) {
            Ok((folder, name)) => tree::remove_in(folder.as_fd(), name, Path::new(&self.shown(path))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
            Err(source) => Err(TreeError::Io { action: "open the folder of", path: self.shown(path), source }),
        }
    }

    /// Whether the path leads to a regular file.
    pub fn has_file(&self, path: impl AsRef<Path>) -> bool {
        let found = self.file(path, OFlag::O_PATH).and_then(fstat);
        found.is_ok_and(|found| found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits())
    }

    /// Whether the path leads to a folder.
    pub fn has_folder(&self, path: impl AsRef<Path>) -> bool {
        self.file(path, FOLDER).is_ok()
    }

    /// The names in a folder; none if there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        match self.file(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
            Ok(folder) => names_in(folder).map(|(_, names)| names),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Vec::new()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The target of a symbolic link; `None` if the path is not that of a link.
    pub fn link_target(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let (folder, name) = self.parent(path.as_ref()).ok()?;
        readlinkat(&folder, name).ok().map(PathBuf::from)
    }
}

/// The names in an open folder.
pub(super) fn names_in(folder: OwnedFd) -> io::Result<(Dir, Vec<OsString>)> {
    let mut folder = Dir::from_fd(folder)?;
    let mut names = Vec::new();
    for entry in folder.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok((folder, names))
}

/// A path's folder and its last part.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((path.parent().unwrap_or(Path::new("")), name))
}

/// Makes a new file in an open folder, which only its owner can read, and replaces what has its name.
pub(super) fn create(folder: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o600);
    Ok(File::from(replace(folder, name, || openat(folder, name, flags, mode))?))
}

/// Calls `make`. If the name exists, it is removed, unless it is that of a folder, and `make` is called once more.
pub(super) fn replace<T>(folder: &OwnedFd, name: &OsStr, make: impl Fn() -> nix::Result<T>) -> nix::Result<T> {
    match make() {
        Err(Errno::EEXIST) => {
            unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?;
            make()
        }
        result => result,
    }
}
