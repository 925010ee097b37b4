//! What is in the cache, by kind, and its limit: what was not used for the longest time is removed first. The dates of Release
//! files and the names of packages are no part of it: they are small, and the dates tell when a mirror goes back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::sizes::{Sizes, size};
use super::{Cache, CacheError};
use crate::system::progress::Reporter;
use crate::system::tree;
use crate::system::userns;

/// The size in bytes that the cache has at most after a build: 10 GB.
pub const LIMIT: u64 = 10_000_000_000;

/// Finds a folder of a cache.
type FindFolder = fn(&Cache) -> PathBuf;

/// The kinds in words, and their folders.
const KINDS: [(&str, FindFolder); 12] = [
    ("Debian packages", Cache::pool),
    ("indices of Debian packages", Cache::lists),
    ("configured roots", Cache::bases),
    ("configured roots, unpacked", Cache::trees),
    ("Python libraries", Cache::wheels),
    ("pages of Python indices", Cache::index_pages),
    ("results of build commands", Cache::built),
    ("lists of packages for images", Cache::choices),
    ("packages of stacks", Cache::packages),
    ("notes about images", Cache::images),
    ("compressed blocks of images", Cache::blocks),
    ("programs for `stackdeb boot`", Cache::tools),
];

/// A line of `stackdeb cache`: how much room one kind takes. To know it costs a look at every file of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// As `stackdeb cache` prints it: "downloaded packages".
    pub kind: &'static str,
    /// How many files and folders.
    pub objects: usize,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
    /// When one of them was used last; `None` if nothing is kept.
    pub used: Option<SystemTime>,
}

/// How much a look through the cache has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many files and folders.
    pub objects: usize,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
}

/// A file or folder that goes as a whole.
struct Object {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// What is in it, kind by kind.
    ///
    /// # Errors
    /// When a folder of it cannot be read.
    pub fn usage(&self) -> Result<Vec<Usage>, CacheError> {
        let of_kind = |&(kind, folder): &(&'static str, FindFolder)| {
            let objects = objects(&folder(self), size)?;
            Ok(Usage {
                kind,
                objects: objects.len(),
                bytes: objects.iter().map(|object| object.bytes).sum(),
                used: objects.iter().map(|object| object.used).max(),
            })
        };
        KINDS.iter().map(of_kind).collect()
    }

    /// Removes what was not used for the longest time, until at most `limit` bytes are left.
    ///
    /// # Errors
    /// When another program uses the cache, or something in it cannot be removed.
    pub fn prune(&self, limit: u64) -> Result<Pruned, CacheError> {
        let pruned = self.use_alone().and_then(|()| self.remove_oldest(limit));
        self.share();
        pruned
    }

    /// As [`Cache::prune`], as root of a user namespace if the cache has trees: only there can a user remove the files of a
    /// tree's users. The process must have one thread.
    ///
    /// # Errors
    /// As [`Cache::prune`], or when the system has no user namespace for this user.
    pub fn enter_and_prune(&self, limit: u64) -> miette::Result<Pruned> {
        if fs::read_dir(self.trees()).is_ok_and(|mut trees| trees.next().is_some()) {
            userns::enter()?;
        }
        Ok(Self::at(self.root())?.prune(limit)?)
    }

    /// Removes all but the `most` files and folders that were used last from `folder`, a folder of the cache. It does nothing
    /// while another build runs. What cannot be removed stays.
    pub fn keep_newest(&self, folder: &Path, most: usize) {
        if self.use_alone().is_ok() {
            let mut found = objects(folder, |_, _| 0).unwrap_or_default();
            found.sort_unstable_by(|one, other| (other.used, &other.path).cmp(&(one.used, &one.path)));
            for object in found.into_iter().skip(most) {
                let _ = tree::remove(&object.path);
            }
        }
        self.share();
    }

    /// Prunes it to [`LIMIT`] after a build, and says what was removed. It does nothing while another build runs.
    pub fn keep_within_limit(&self, reporter: Reporter) {
        match self.prune(LIMIT) {
            Ok(Pruned { objects: 0, .. }) | Err(CacheError::InUse { .. }) => {}
            Ok(Pruned { objects, bytes }) => reporter.say(&format!(
                "the cache had more than {} GB: {objects} files, {} MB, were removed, which nobody had used for the longest time",
                LIMIT / 1_000_000_000,
                bytes / 1_000_000
            )),
            Err(error) => reporter.warn(&format!("the cache cannot be kept small: {error}")),
        }
    }

    fn remove_oldest(&self, limit: u64) -> Result<Pruned, CacheError> {
        let (mut all, mut sizes) = (Vec::new(), Sizes::kept_in(self.sizes()));
        for (_, folder) in KINDS {
            all.append(&mut objects(&folder(self), |path, metadata| sizes.of(path, metadata))?);
        }
        // On a full disk, the folders are looked through the next time as well.
        let _ = sizes.keep();
        all.sort_unstable_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
        let mut left: u64 = all.iter().map(|object| object.bytes).sum();
        let mut pruned = Pruned::default();
        for object in all {
            if left <= limit {
                break;
            }
            tree::remove(&object.path).map_err(|error| CacheError::Remove(Box::new(error)))?;
            left = left.saturating_sub(object.bytes);
            pruned.objects = pruned.objects.saturating_add(1);
            pruned.bytes = pruned.bytes.saturating_add(object.bytes);
        }
        Ok(pruned)
    }
}

/// Notes that a file or folder of the cache is used now. If that fails, it only goes earlier.
pub fn note_use(path: &Path) {
    if let Ok(file) = fs::File::open(path) {
        note_use_of(&file);
    }
}

/// As [`note_use`], for an open file.
pub(super) fn note_use_of(file: &fs::File) {
    let _ = file.set_modified(SystemTime::now());
}

/// What is in a folder of the cache. `size` tells how many bytes a file or folder has.
fn objects(folder: &Path, mut size: impl FnMut(&Path, &fs::Metadata) -> u64) -> Result<Vec<Object>, CacheError> {
    let read = |path: &Path| {
        let path = path.display().to_string();
        move |source| CacheError::Read { path, source }
    };
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(read(folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(read(folder))?;
        // Another build may have removed it meanwhile.
        if let Ok(metadata) = entry.metadata() {
            let path = entry.path();
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Object { bytes: size(&path, &metadata), path, used });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A file of 1000 bytes that was used so many days ago.
    fn file(path: PathBuf, days: u32) {
        fs::write(&path, [0; 1000]).unwrap();
        let used = SystemTime::now().checked_sub(DAY.saturating_mul(days)).unwrap();
        fs::File::open(path).unwrap().set_modified(used).unwrap();
    }

    #[test]
    fn only_the_newest_of_a_folder_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        for (days, name) in [(3, "a"), (1, "b"), (9, "c"), (2, "d")] {
            fs::create_dir_all(cache.trees().join(name).join("tree")).unwrap();
            fs::write(cache.trees().join(name).join("tree/file"), "x").unwrap();
            let used = SystemTime::now().checked_sub(DAY.saturating_mul(days)).unwrap();
            fs::File::open(cache.trees().join(name)).unwrap().set_modified(used).unwrap();
        }
        cache.keep_newest(&cache.trees(), 2);
        assert_eq!(names(&cache.trees()), ["b", "d"]);
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        for (days, name) in [(3, "a.deb"), (1, "b.deb"), (9, "c.deb")] {
            file(cache.pool().join(name), days);
        }
        file(cache.bases().join("base"), 5);
        fs::create_dir(cache.built().join("app")).unwrap();
        file(cache.built().join("app/page"), 0);
        file(cache.releases().join("date"), 100);
        note_use(&cache.pool().join("c.deb"));
        let usage = cache.usage().unwrap();
        let packages = usage.iter().find(|usage| usage.kind == "Debian packages").unwrap();
        assert_eq!((packages.objects, packages.bytes), (3, 3000));
        assert!(packages.used.unwrap().elapsed().unwrap() < Duration::from_secs(3600));
        assert_eq!(usage.iter().map(|usage| usage.bytes).sum::<u64>(), 5000);

        assert_eq!(cache.prune(5000).unwrap(), Pruned::default());
        assert_eq!(cache.prune(3999).unwrap(), Pruned { objects: 2, bytes: 2000 });
        assert_eq!(names(&cache.pool()), ["b.deb", "c.deb"]);
        assert_eq!((names(&cache.bases()).len(), names(&cache.built()).len()), (0, 1));
        assert_eq!(cache.prune(0).unwrap(), Pruned { objects: 3, bytes: 3000 });
        assert_eq!(names(&cache.releases()), ["date"]);
        assert!(cache.usage().unwrap().iter().all(|usage| usage.used.is_none()));
    }
}
