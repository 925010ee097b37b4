//! Unpacks `.deb` files straight into a root, as a first system must be before its own dpkg can run. Several packages are
//! unpacked side by side; the outcome does not depend on which of them is faster. No entry of a package, whatever its name
//! and whatever links it meets, is written outside of the root.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};
use tar::{Archive, Entry, EntryType};

use super::filter::{Filter, Kind};
use crate::deb::{self, ReadError, Reader};
use crate::system::interrupt;

/// Folders of a merged /usr and the links to them at the top (usrmerge; base-files has them only since Debian 13).
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Why packages could not be unpacked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UnpackError {
    /// A package cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] ReadError),
    /// One of its files cannot be made.
    #[error("cannot unpack {entry} of {package}: {source}")]
    #[diagnostic(help(
        "check that the disk has room (`df`); a damaged download is fetched again when it is deleted from the cache"
    ))]
    Entry {
        /// The `.deb` file.
        package: String,
        /// The file in it.
        entry: String,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The root itself cannot be prepared.
    #[error("cannot prepare the root {path}: {source}")]
    #[diagnostic(help("check that the folder can be written to, and that the disk has room"))]
    Root {
        /// The root's folder.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A folder's owner, permissions and time, which are set when everything is in it.
struct Folder {
    mode: u32,
    owner: (Uid, Gid),
    time: TimeSpec,
}

/// By path, and for each path by the package's place in the list.
type Folders = BTreeMap<(PathBuf, usize), Folder>;

/// Unpacks `packages` into `root`, which is made if it is missing, without the files that `filter` skips. Owners,
/// permissions and times are those in the packages. A link where a package has a folder is kept if it leads to a folder.
///
/// # Errors
/// When a package cannot be read, has an entry that no Debian package may have (a device, `..`), or a file cannot be made;
/// the root is then worth nothing.
pub(super) fn unpack(packages: &[PathBuf], root: &Path, filter: &Filter) -> Result<(), UnpackError> {
    let root_error = |source| UnpackError::Root { path: root.display().to_string(), source };
    prepare(root).map_err(root_error)?;
    let folder = File::open(root).map_err(root_error)?;
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<BTreeMap<usize, Result<Folders, UnpackError>>> = Mutex::default();
    let mut largest_first: Vec<usize> = (0..packages.len()).collect();
    let length =
        |index: usize| packages.get(index).and_then(|path| fs::metadata(path).ok()).map_or(0, |file| file.len());
    largest_first.sort_by_cached_key(|&index| std::cmp::Reverse(length(index)));
    let work = || {
        while let Some(&index) = largest_first.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(path) = packages.get(index) else { break };
            let outcome = Package { root: &folder, filter, index, last: None, folders: Folders::new() }.unpack(path);
            if outcome.is_err() {
                next.store(packages.len(), Ordering::Relaxed);
            }
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.insert(index, outcome);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
        work();
    });
    let mut folders = Folders::new();
    for outcome in outcomes.into_inner().unwrap_or_default().into_values() {
        folders.extend(outcome?);
    }
    finish_folders(&folder, folders).map_err(root_error)
}

/// The links of a merged /usr.
fn prepare(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))?;
        match std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
    }
    Ok(())
}

/// Where packages disagree about a folder, the first in the list is followed, as dpkg does. The deepest come first, so
/// that no time changes after it was set.
fn finish_folders(root: &File, folders: Folders) -> io::Result<()> {
    let mut last: Option<PathBuf> = None;
    let mut firsts = Vec::new();
    for ((path, _), folder) in folders {
        if last.as_ref() != Some(&path) {
            last = Some(path.clone());
            firsts.push((path, folder));
        }
    }
    for (path, folder) in firsts.into_iter().rev() {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = open_in_root(root, &path, flags)?;
        fchown(&opened, Some(folder.owner.0), Some(folder.owner.1))?;
        fchmod(&opened, Mode::from_bits_truncate(folder.mode))?;
        futimens(&opened, &folder.time, &folder.time)?;
    }
    Ok(())
}

/// Opens a path in the root as a process whose root directory it is would: absolute links and `..` stay inside.
fn open_in_root(root: impl AsFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    loop {
        match openat2(root.as_fd(), path, how) {
            // A rename elsewhere in the tree while `..` was followed: openat2(2).
            Err(Errno::EAGAIN) => {}
            result => return result,
        }
    }
}

/// One package on its way into the root.
struct Package<'a> {
    root: &'a File,
    filter: &'a Filter,
    index: usize,
    /// The folder of the last file: most files have the same as the one before.
    last: Option<(PathBuf, OwnedFd)>,
    folders: Folders,
}

impl Package<'_> {
    fn unpack(mut self, package: &Path) -> Result<Folders, UnpackError> {
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
        for entry in archive.entries().map_err(unknown)? {
            let mut entry = entry.map_err(unknown)?;
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(&entry.path_bytes()));
            interrupt::check().and_then(|()| self.add(&mut entry, &path)).map_err(|error| (path, error))?;
        }
        Ok(())
    }

    fn add<R: Read>(&mut self, entry: &mut Entry<R>, path: &Path) -> io::Result<()> {
        let path = plain(path)?;
        let header = entry.header();
        let kind = header.entry_type();
        let absolute = [b"/", path.as_os_str().as_bytes()].concat();
        let filtered_as = if kind.is_dir() || kind.is_symlink() { Kind::FolderOrLink } else { Kind::Other };
        if self.filter.skips(&absolute, filtered_as) {
            return Ok(());
        }
        let mode = header.mode()? & 0o7777;
        let owner = (Uid::from_raw(id(header.uid()?)?), Gid::from_raw(id(header.gid()?)?));
        let time = TimeSpec::new(i64::try_from(header.mtime()?).map_err(io::Error::other)?, 0);
        if kind.is_dir() {
            self.add_folder(&path)?;
            self.folders.insert((path, self.index), Folder { mode, owner, time });
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
                let target = entry.link_name_bytes().ok_or_else(|| invalid("the link has no target"))?;
                let target = std::ffi::OsStr::from_bytes(&target).to_owned();
                if readlinkat(folder, name.as_os_str()).is_ok_and(|present| present == target) {
                    return Ok(());
                }
                replace(folder, &name, || symlinkat(target.as_os_str(), folder, name.as_os_str()))?;
                fchownat(folder, name.as_os_str(), Some(owner.0), Some(owner.1), AtFlags::AT_SYMLINK_NOFOLLOW)?;
                utimensat(folder, name.as_os_str(), &time, &time, UtimensatFlags::NoFollowSymlink)?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().ok_or_else(|| invalid("the link has no target"))?;
                let target = plain(Path::new(std::ffi::OsStr::from_bytes(&target)))?;
                let target_name = target.file_name().ok_or_else(|| invalid("the link has no target"))?;
                let target_folder = open_in_root(root, parent_of(&target), OFlag::O_PATH | OFlag::O_DIRECTORY)?;
                let flags = AtFlags::empty();
                replace(folder, &name, || linkat(&target_folder, target_name, folder, name.as_os_str(), flags))?;
            }
            kind => return Err(invalid(&format!("no Debian package may have an entry of the type {kind:?}"))),
        }
        Ok(())
    }

    /// Makes a folder unless there is one, or a link to one.
    fn add_folder(&mut self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name() else { return Ok(()) };
        match open_in_root(self.root, path, OFlag::O_PATH | OFlag::O_DIRECTORY) {
            Ok(_) => return Ok(()),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        match mkdirat(self.folder_of(path)?, name, Mode::from_bits_truncate(0o755)) {
            // Another package was faster.
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The folder that `path` lies in. It is made if no entry has made it.
    fn folder_of(&mut self, path: &Path) -> io::Result<&OwnedFd> {
        let parent = parent_of(path);
        if self.last.as_ref().is_none_or(|(last, _)| last != parent) {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
            let opened = match open_in_root(self.root, parent, flags) {
                Err(Errno::ENOENT) => {
                    self.add_folder(parent)?;
                    open_in_root(self.root, parent, flags)?
                }
                result => result?,
            };
            self.last = Some((parent.to_owned(), opened));
        }
        self.last.as_ref().map(|(_, folder)| folder).ok_or_else(|| Errno::ENOENT.into())
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// A new file for the content, in the place of what has that name.
fn create(folder: &OwnedFd, name: &std::ffi::OsStr) -> io::Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o600);
    let open = || nix::fcntl::openat(folder, name, flags, mode);
    Ok(File::from(replace(folder, name, open)?))
}

fn replace<T>(folder: &OwnedFd, name: &std::ffi::OsStr, make: impl Fn() -> nix::Result<T>) -> nix::Result<T> {
    match make() {
        Err(Errno::EEXIST) => {
            unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?;
            make()
        }
        result => result,
    }
}

/// A path of an archive without its `./`.
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

fn id(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| invalid("its owner's number is too large"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::process::Command;

    use super::*;
    use crate::rootfs::PathRule;

    /// A package of a folder's files, as `dpkg-deb` makes it.
    fn package(files: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(files.join("DEBIAN")).unwrap();
        let control =
            format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: test\n");
        fs::write(files.join("DEBIAN/control"), control).unwrap();
        let package = files.with_extension("deb");
        let arguments = ["--root-owner-group", "-Zgzip", "--build"];
        let output = Command::new("dpkg-deb").args(arguments).arg(files).arg(&package).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        package
    }

    /// A package whose `data.tar` is `data`: what `dpkg-deb` would not make.
    fn package_of(data: Vec<u8>, path: &Path) -> PathBuf {
        let mut archive = ar::Builder::new(File::create(path).unwrap());
        let control = tar::Builder::new(Vec::new()).into_inner().unwrap();
        let members: [(&[u8], &[u8]); 3] =
            [(b"debian-binary", b"2.0\n"), (b"control.tar", &control), (b"data.tar", &data)];
        for (name, content) in members {
            archive.append(&ar::Header::new(name.to_vec(), content.len() as u64), content).unwrap();
        }
        path.to_owned()
    }

    fn entry(kind: EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(nix::unistd::getuid().as_raw().into());
        header.set_gid(nix::unistd::getgid().as_raw().into());
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
        [entries.concat(), vec![0; 1024]].concat()
    }

    /// What `tar -d` says about `root`, which knows better than we what an archive holds.
    fn differences(package: &Path, root: &Path) -> String {
        let data = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(package).output().unwrap().stdout;
        let file = package.with_extension("tar");
        fs::write(&file, data).unwrap();
        let output = Command::new("tar").arg("-C").arg(root).arg("-df").arg(&file).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    #[test]
    fn a_package_is_unpacked_as_tar_unpacks_it() {
        if !nix::unistd::geteuid().is_root() {
            // Its files belong to root, and nobody else can make those.
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        fs::create_dir_all(files.join("usr/lib/deep")).unwrap();
        fs::create_dir_all(files.join("var/local")).unwrap();
        fs::write(files.join("usr/lib/deep/program"), vec![7; 300_000]).unwrap();
        fs::set_permissions(files.join("usr/lib/deep/program"), PermissionsExt::from_mode(0o4755)).unwrap();
        fs::set_permissions(files.join("var/local"), PermissionsExt::from_mode(0o2775)).unwrap();
        fs::hard_link(files.join("usr/lib/deep/program"), files.join("usr/lib/twin")).unwrap();
        symlink("deep/program", files.join("usr/lib/link")).unwrap();
        fs::create_dir_all(files.join("usr/share").join("x".repeat(200))).unwrap();
        let package = package(&files, "test");
        let root = folder.path().join("root");
        unpack(std::slice::from_ref(&package), &root, &Filter::default()).unwrap();
        assert_eq!(differences(&package, &root), "");
        let program = fs::metadata(root.join("usr/lib/deep/program")).unwrap();
        assert_eq!((program.mode() & 0o7777, program.nlink()), (0o4755, 2));
        assert_eq!(fs::metadata(root.join("var/local")).unwrap().mode() & 0o7777, 0o2775);
    }

    #[test]
    fn a_merged_usr_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = tar(&[
            entry(EntryType::Directory, "./", "", b""),
            entry(EntryType::Directory, "./bin/", "", b""),
            entry(EntryType::Regular, "./bin/sh", "", b"shell"),
            entry(EntryType::Symlink, "./lib64", "usr/lib64", b""),
        ]);
        let package = package_of(data, &folder.path().join("a.deb"));
        let root = folder.path().join("root");
        unpack(&[package], &root, &Filter::default()).unwrap();
        assert_eq!(fs::read_link(root.join("bin")).unwrap(), Path::new("usr/bin"));
        assert_eq!(fs::read(root.join("usr/bin/sh")).unwrap(), b"shell");
        assert_eq!(fs::metadata(root.join("usr/bin/sh")).unwrap().mtime(), 1_000_000_000);
    }

    #[test]
    fn nothing_is_written_outside_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let root = folder.path().join("root");
        let absolute = outside.to_str().unwrap();
        let link = |target: &str| entry(EntryType::Symlink, "./link", target, b"");
        let through = entry(EntryType::Regular, "./link/file", "", b"x");
        let hard = entry(EntryType::Link, "./hard", "../outside/secret", b"");
        fs::write(outside.join("secret"), b"secret").unwrap();
        for (number, entries) in [
            vec![entry(EntryType::Regular, "../outside/file", "", b"x")],
            vec![link(".."), entry(EntryType::Regular, "./link/../../outside/file", "", b"x")],
            vec![link(absolute), through.clone()],
            vec![link("../outside"), through],
            vec![hard],
            vec![entry(EntryType::Char, "./null", "", b"")],
            vec![entry(EntryType::Fifo, "./pipe", "", b"")],
        ]
        .into_iter()
        .enumerate()
        {
            let package = package_of(tar(&entries), &folder.path().join(format!("{number}.deb")));
            unpack(&[package], &root, &Filter::default()).unwrap_err();
            let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["secret"], "package {number}");
        }
        // An absolute name or target means the root's own, as for a process in it.
        let inside = entry(EntryType::Regular, "./link/file", "", b"inside");
        let data = tar(&[entry(EntryType::Directory, "./var/", "", b""), link("/var"), inside]);
        unlink_if_there(&root.join("link"));
        unpack(&[package_of(data, &folder.path().join("good.deb"))], &root, &Filter::default()).unwrap();
        assert_eq!(fs::read(root.join("var/file")).unwrap(), b"inside");
    }

    fn unlink_if_there(path: &Path) {
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn excluded_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let data = tar(&[
            entry(EntryType::Regular, "./usr/share/doc/a/README", "", b"x"),
            entry(EntryType::Regular, "./usr/share/doc/a/copyright", "", b"x"),
        ]);
        let package = package_of(data, &folder.path().join("a.deb"));
        let rules = [
            PathRule::Exclude("/usr/share/doc/*".to_owned()),
            PathRule::Include("/usr/share/doc/*/copyright".to_owned()),
        ];
        let root = folder.path().join("root");
        unpack(&[package], &root, &Filter::new(&rules)).unwrap();
        assert!(root.join("usr/share/doc/a/copyright").exists());
        assert!(!root.join("usr/share/doc/a/README").exists());
    }

    #[test]
    fn the_first_package_decides_about_a_folder_whichever_is_faster() {
        let folder = tempfile::tempdir().unwrap();
        let mut packages = Vec::new();
        for number in 0..8_u32 {
            let mut header = tar::Header::new_gnu();
            header.set_path("./common/").unwrap();
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o700 + number);
            header.set_uid(nix::unistd::getuid().as_raw().into());
            header.set_gid(nix::unistd::getgid().as_raw().into());
            header.set_mtime(1_000_000_000 + u64::from(number));
            header.set_size(0);
            header.set_cksum();
            let content = vec![0; 1000 * number as usize];
            let file = entry(EntryType::Regular, &format!("./common/{number}"), "", &content);
            let data = tar(&[header.as_bytes().to_vec(), file]);
            packages.push(package_of(data, &folder.path().join(format!("{number}.deb"))));
        }
        let root = folder.path().join("root");
        unpack(&packages, &root, &Filter::default()).unwrap();
        let common = fs::metadata(root.join("common")).unwrap();
        assert_eq!((common.mode() & 0o7777, common.mtime()), (0o700, 1_000_000_000));
    }
}
