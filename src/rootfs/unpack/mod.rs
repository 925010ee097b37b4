//! Unpacks `.deb` files into a root without dpkg: the root's own dpkg can run only when its files are there. Several
//! packages are unpacked at the same time; the result does not depend on which is faster.

mod error;
mod extract;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod, futimens};
use nix::unistd::fchown;

use super::filter::Filter;
use super::root::Root;
use extract::{UnpackedFolders, extract, extract_all};
use tar::Archive;

pub use error::UnpackError;

/// The folders of a merged /usr that have links in the root folder. The package base-files has these
/// links only since Debian 13.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Unpacks `packages` into `root` without the files that `filter` skips. Owners,
/// permissions and times are those in the packages. A link where a package has a folder is kept if it leads to a folder.
///
/// # Errors
/// When a package cannot be read, has an entry that no Debian package may have (a device, `..`), or a file cannot be made;
/// the root is then not usable.
pub(super) fn unpack(packages: &[PathBuf], root: &Root, filter: &Filter) -> Result<(), UnpackError> {
    let root_error = |source| UnpackError::Root { path: root.shown(""), source };
    merge_usr(root).map_err(root_error)?;
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<BTreeMap<usize, Result<UnpackedFolders, UnpackError>>> = Mutex::default();
    let mut largest_first: Vec<usize> = (0..packages.len()).collect();
    let length =
        |index: usize| packages.get(index).and_then(|path| fs::metadata(path).ok()).map_or(0, |file| file.len());
    largest_first.sort_by_cached_key(|&index| std::cmp::Reverse(length(index)));
    let work = || {
        while let Some(&index) = largest_first.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(path) = packages.get(index) else { break };
            let outcome = extract(path, index, root, filter);
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
    let mut folders = UnpackedFolders::new();
    for outcome in outcomes.into_inner().unwrap_or_default().into_values() {
        folders.extend(outcome?);
    }
    finish_folders(root, folders).map_err(root_error)
}

/// Unpacks an archive that has the whole tree of a root, which is empty.
///
/// # Errors
/// When the archive is damaged, or a file cannot be made.
pub(super) fn unpack_tree<R: Read>(archive: &mut Archive<R>, root: &Root) -> io::Result<()> {
    let folders = extract_all(archive, root)
        .map_err(|(path, error)| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    finish_folders(root, folders)
}

/// Makes the links of a merged /usr.
fn merge_usr(root: &Root) -> io::Result<()> {
    for name in MERGED {
        root.make_folder(Path::new("usr").join(name))?;
        if !root.has_folder(name) {
            root.symlink(&format!("usr/{name}"), name)?;
        }
    }
    Ok(())
}

/// Sets owner, permissions and times of the folders. If packages disagree, the first in the list decides, as with dpkg. The
/// deepest folders come first, so that setting one does not change the time of another.
fn finish_folders(root: &Root, folders: UnpackedFolders) -> io::Result<()> {
    let mut last: Option<PathBuf> = None;
    let mut firsts = Vec::new();
    for ((path, _), folder) in folders {
        if last.as_ref() != Some(&path) {
            last = Some(path.clone());
            firsts.push((path, folder));
        }
    }
    for (path, folder) in firsts.into_iter().rev() {
        let opened = root.file(&path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        fchown(&opened, Some(folder.owner.0), Some(folder.owner.1))?;
        fchmod(&opened, Mode::from_bits_truncate(folder.mode))?;
        futimens(&opened, &folder.time, &folder.time)?;
    }
    Ok(())
}
