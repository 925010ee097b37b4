//! Unpacks the entries of one package: makes its files and links, and returns the properties of its folders, which are set
//! when everything is in them. No entry is written outside of the root, whatever its name and whatever links are there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, linkat, symlinkat};
use tar::{Archive, EntryType};

use super::error::UnpackError;
use crate::deb::{self, ArchiveEntry, Reader};
use crate::rootfs::filter::{Filter, FilteredKind};
use crate::rootfs::root::{Root, create, replace};
use crate::system::interrupt;

/// The owner, permissions and time of a folder. They are set when everything is in it.
pub(super) struct UnpackedFolder {
    pub(super) mode: u32,
    pub(super) owner: (Uid, Gid),
    pub(super) time: TimeSpec,
}

/// The folders by path, and for each path by the package's place in the list.
pub(super) type UnpackedFolders = BTreeMap<(PathBuf, usize), UnpackedFolder>;

/// Unpacks one package, the one at `index` in the list, and returns the folders that have yet to be finished.
pub(super) fn extract(
    package: &Path,
    index: usize,
    root: &Root,
    filter: &Filter,
) -> Result<UnpackedFolders, UnpackError> {
    Extraction { root, filter, index, last: None, folders: UnpackedFolders::new() }.unpack(package)
}

/// Unpacks all entries of an archive, and returns the folders that have yet to be finished. An error comes with the name of
/// its entry.
pub(super) fn extract_all<R: Read>(
    archive: &mut Archive<R>,
    root: &Root,
) -> Result<UnpackedFolders, (PathBuf, io::Error)> {
    let filter = Filter::default();
    let mut extraction = Extraction { root, filter: &filter, index: 0, last: None, folders: UnpackedFolders::new() };
    extraction.add_all(archive)?;
    Ok(extraction.folders)
}

/// The state while one package is unpacked.
struct Extraction<'a> {
    root: &'a Root,
    filter: &'a Filter,
    index: usize,
    /// The folder of the last file, still open: most files are in the same folder as the one before.
    last: Option<(PathBuf, OwnedFd)>,
    folders: UnpackedFolders,
}

impl Extraction<'_> {
    fn unpack(mut self, package: &Path) -> Result<UnpackedFolders, UnpackError> {
        let mut archive = Reader::open(package)?.data()?;
        let error = |entry: &Path, source| UnpackError::Entry {
            package: package.display().to_string(),
            entry: entry.display().to_string(),
            source,
        };
        self.add_all(&mut archive).map_err(|(entry, source)| error(&entry, source))?;
        deb::finish(archive).map_err(|source| error(Path::new("the end"), source))?;
        Ok(self.folders)
    }

    fn add_all<R: Read>(&mut self, archive: &mut Archive<R>) -> Result<(), (PathBuf, io::Error)> {
        let unknown = |error| (PathBuf::from("an entry"), error);
        for entry in deb::entries(archive).map_err(unknown)? {
            let mut entry = entry.map_err(unknown)?;
            let path = PathBuf::from(OsStr::from_bytes(&entry.path()));
            interrupt::check().and_then(|()| self.add(&mut entry, &path)).map_err(|error| (path, error))?;
        }
        Ok(())
    }

    fn add<R: Read>(&mut self, entry: &mut ArchiveEntry<R>, path: &Path) -> io::Result<()> {
        let path = plain(path)?;
        let header = entry.header();
        let kind = header.entry_type();
        let absolute = [b"/", path.as_os_str().as_bytes()].concat();
        let filtered_as =
            if kind.is_dir() || kind.is_symlink() { FilteredKind::FolderOrLink } else { FilteredKind::Other };
        if self.filter.skips(&absolute, filtered_as) {
            return Ok(());
        }
        let mode = header.mode()? & 0o7777;
        let owner = (Uid::from_raw(self.id(header.uid()?)?), Gid::from_raw(self.id(header.gid()?)?));
        let time = TimeSpec::new(i64::try_from(header.mtime()?).map_err(io::Error::other)?, 0);
        if kind.is_dir() {
            self.root.make_folder(&path)?;
            self.folders.insert((path, self.index), UnpackedFolder { mode, owner, time });
            return Ok(());
        }
        let name = path.file_name().ok_or_else(|| invalid("it has no name"))?.to_owned();
        let root = self.root;
        let folder = self.folder_of(&path)?;
        match kind {
            EntryType::Regular | EntryType::Continuous => {
                let file = create(folder, &name)?;
                io::copy(entry, &mut &file)?;
                fchown(&file, Some(owner.0), Some(owner.1))?;
                // After the owner, whose change clears the set-user-id bit.
                fchmod(&file, Mode::from_bits_truncate(mode))?;
                futimens(&file, &time, &time)?;
            }
            EntryType::Symlink => {
                let target = entry.target().ok_or_else(|| invalid("the link has no target"))?;
                let target = OsStr::from_bytes(&target).to_owned();
                if readlinkat(folder, name.as_os_str()).is_ok_and(|present| present == target) {
                    return Ok(());
                }
                replace(folder, &name, || symlinkat(target.as_os_str(), folder, name.as_os_str()))?;
                fchownat(folder, name.as_os_str(), Some(owner.0), Some(owner.1), AtFlags::AT_SYMLINK_NOFOLLOW)?;
                utimensat(folder, name.as_os_str(), &time, &time, UtimensatFlags::NoFollowSymlink)?;
            }
            EntryType::Link => {
                let target = entry.target().ok_or_else(|| invalid("the link has no target"))?;
                let target = plain(Path::new(OsStr::from_bytes(&target)))?;
                let target_name = target.file_name().ok_or_else(|| invalid("the link has no target"))?;
                let target_folder = root.file(parent_of(&target), OFlag::O_PATH | OFlag::O_DIRECTORY)?;
                let flags = AtFlags::empty();
                replace(folder, &name, || linkat(&target_folder, target_name, folder, name.as_os_str(), flags))?;
            }
            kind => return Err(invalid(&format!("no Debian package may have an entry of the type {kind:?}"))),
        }
        Ok(())
    }

    /// Opens the folder that `path` is in, and makes it if no entry has made it.
    fn folder_of(&mut self, path: &Path) -> io::Result<&OwnedFd> {
        let parent = parent_of(path);
        if self.last.as_ref().is_none_or(|(last, _)| last != parent) {
            self.last = Some((parent.to_owned(), self.root.folder(parent)?));
        }
        self.last.as_ref().map(|(_, folder)| folder).ok_or_else(|| Errno::ENOENT.into())
    }

    /// The id on this machine of a user or group that a package names.
    fn id(&self, number: u64) -> io::Result<u32> {
        let id = u32::try_from(number).ok().and_then(|id| self.root.ids().outside(id));
        id.ok_or_else(|| invalid("its owner's number is too large"))
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// A path of an archive without the leading `./`.
fn plain(path: &Path) -> io::Result<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(invalid("`..` is not allowed in its path")),
        }
    }
    Ok(plain)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
