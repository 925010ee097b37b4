//! The cache in `$XDG_CACHE_HOME/stackdeb`: downloads, and files that can be made again. It may be deleted while no build runs.
//! Several builds may use it at once, because a file is named after its content and appears only when it is complete. While one
//! does, [`contents`] removes nothing.

pub mod contents;
mod sizes;
pub mod store;

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::tree::{TreeError, WorkFolder};

#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    /// The folder that has the folders of what was made; elsewhere than `root` under [`Fresh`].
    results: PathBuf,
    /// Shared by all that use it; `None` if it is only looked at.
    in_use: Option<Arc<Flock<File>>>,
}

/// The locks of this process, by the caches' folders. They are held until it ends: it uses files of the cache by their names.
static IN_USE: Mutex<BTreeMap<PathBuf, Arc<Flock<File>>>> = Mutex::new(BTreeMap::new());

/// The folder of a [`Fresh`].
static FRESH: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CacheError {
    #[error("neither XDG_CACHE_HOME nor HOME is an absolute path, so there is no place for the cache")]
    #[diagnostic(help("set XDG_CACHE_HOME to a folder on a disk with a few GB of free space"))]
    NoPlace,
    #[error("cannot make the cache folder {path}: {source}")]
    #[diagnostic(help("set XDG_CACHE_HOME to a folder in which you can make files"))]
    Create {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot read {path} in the cache: {source}")]
    #[diagnostic(help("check who owns that folder, and its permissions"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("another stackdeb uses the cache {path}, so nothing is removed from it")]
    #[diagnostic(help("wait until its build has ended, and try again"))]
    InUse { path: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Remove(Box<TreeError>),
}

impl Cache {
    /// Finds the cache of this user (XDG Base Directory Specification) and makes its folders.
    ///
    /// # Errors
    /// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path, or a folder cannot be made.
    pub fn open() -> Result<Self, CacheError> {
        Self::at(&Self::place().ok_or(CacheError::NoPlace)?)
    }

    /// The cache of this user, to be looked at. Nothing is made, so there may be none; see [`Cache::exists`].
    ///
    /// # Errors
    /// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path.
    pub fn of_user() -> Result<Self, CacheError> {
        Ok(Self::new(Self::place().ok_or(CacheError::NoPlace)?, None))
    }

    /// Whether there is a folder of it.
    pub fn exists(&self) -> bool {
        self.root.is_dir()
    }

    /// The cache of this user, if there is one. Nothing is made.
    pub fn existing() -> Option<Self> {
        Self::of_user().ok().filter(Self::exists)
    }

    fn place() -> Option<PathBuf> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        Some(base?.join("stackdeb"))
    }

    fn new(root: PathBuf, in_use: Option<Arc<Flock<File>>>) -> Self {
        let fresh = FRESH.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { results: fresh.unwrap_or_else(|| root.clone()), root, in_use }
    }

    /// Whether the next build takes what this one makes; see [`Fresh`].
    pub fn keeps_results(&self) -> bool {
        self.results == self.root
    }

    /// Makes `root` a cache.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn at(root: &Path) -> Result<Self, CacheError> {
        let create = |source| CacheError::Create { path: root.display().to_string(), source };
        fs::create_dir_all(root).map_err(create)?;
        let cache = Self::new(root.to_owned(), Some(lock(root).map_err(create)?));
        for folder in [
            cache.pool(),
            cache.lists(),
            cache.names(),
            cache.releases(),
            cache.work(),
            cache.tools(),
            cache.wheels(),
            cache.bases(),
            cache.trees(),
            cache.index_pages(),
            cache.built(),
            cache.images(),
            cache.blocks(),
            cache.packages(),
            cache.choices(),
        ] {
            fs::create_dir_all(&folder)
                .map_err(|source| CacheError::Create { path: folder.display().to_string(), source })?;
        }
        Ok(cache)
    }

    /// The cache that this process uses, if it uses one.
    pub fn used() -> Option<Self> {
        let locks = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        locks.first_key_value().map(|(root, lock)| Self::new(root.clone(), Some(Arc::clone(lock))))
    }

    /// The folder of the whole cache.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Until [`Cache::share`], no other process begins to use it. It does not wait.
    ///
    /// # Errors
    /// When another process uses the cache.
    fn use_alone(&self) -> Result<(), CacheError> {
        let alone = self.in_use.as_ref().map_or(Ok(()), |lock| lock.relock(FlockArg::LockExclusiveNonblock));
        match alone {
            Ok(()) => Ok(()),
            Err(Errno::EWOULDBLOCK) => Err(CacheError::InUse { path: self.root.display().to_string() }),
            Err(errno) => Err(CacheError::Read { path: self.root.display().to_string(), source: errno.into() }),
        }
    }

    fn share(&self) {
        if let Some(lock) = &self.in_use {
            let _ = lock.relock(FlockArg::LockShared);
        }
    }

    /// The file with the sizes of folders; see [`sizes`].
    fn sizes(&self) -> PathBuf {
        self.root.join("sizes")
    }

    /// The folder of downloaded packages. Each is named `SHA256.deb`.
    pub fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    /// The folder of downloaded package indices. Each is named after its SHA-256.
    pub fn lists(&self) -> PathBuf {
        self.root.join("lists")
    }

    /// The folder of the newest dates of Release files. Each is named after the SHA-256 of archive and suite.
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// The folder of the lists of names that each suite has; see [`crate::apt::names`].
    pub fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    /// The folder of Python libraries. Each file is named `SHA256.whl`, also a source distribution; beside a wheel stands its
    /// content. `KEY.built` names the wheel that was built of what the key stands for.
    pub fn wheels(&self) -> PathBuf {
        self.root.join("wheels")
    }

    /// The folder of an index's pages about Python libraries. Each is named after the SHA-256 of its address.
    pub fn index_pages(&self) -> PathBuf {
        self.root.join("index-pages")
    }

    /// The folder of configured roots without a stack's own package. Each is named after what it is made of.
    pub fn bases(&self) -> PathBuf {
        self.results.join("bases")
    }

    /// The folder of the trees of such roots, ready to be used. Each has the same name. Some of their files belong to the users
    /// of a root, as whom only root of a user namespace can remove them.
    pub fn trees(&self) -> PathBuf {
        self.results.join("trees")
    }

    /// The folder of what build commands made of apps. Each is a folder, named after the SHA-256 of all that it depends on.
    pub fn built(&self) -> PathBuf {
        self.results.join("built")
    }

    /// The folder of lists of packages that images have; see [`store`].
    pub fn choices(&self) -> PathBuf {
        self.results.join("choices")
    }

    /// The folder of stacks' packages; see [`store`].
    pub fn packages(&self) -> PathBuf {
        self.results.join("packages")
    }

    /// The folder of compressed blocks of images; see [`store`].
    pub fn blocks(&self) -> PathBuf {
        self.results.join("blocks")
    }

    /// The folder of notes about images that were made. Each is named after the SHA-256 of all that the image depends on.
    pub fn images(&self) -> PathBuf {
        self.results.join("images")
    }

    /// The parent of the folders that builds work in; see [`super::tree::WorkFolder`].
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The folder of programs that are built from packages, such as GRUB for a virtual machine.
    pub fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }
}

/// As long as this value is there, caches that are opened have the downloads of before, and nothing that was made of them. What
/// is made goes into a folder that is removed with this value.
pub struct Fresh {
    _work: WorkFolder,
}

impl Fresh {
    /// Call it before any other use of the cache, in a process that will not start itself again.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin() -> miette::Result<Self> {
        let work = WorkFolder::create(&Cache::open()?.work())?;
        *FRESH.lock().unwrap_or_else(PoisonError::into_inner) = Some(work.path().to_owned());
        Ok(Self { _work: work })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        *FRESH.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The lock that this process has on the cache in the folder `root`. It waits while another process removes files there.
fn lock(root: &Path) -> io::Result<Arc<Flock<File>>> {
    let mut locks = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lock) = locks.get(root) {
        return Ok(Arc::clone(lock));
    }
    let file = File::options().create(true).append(true).open(root.join("in-use"))?;
    let lock = Arc::new(Flock::lock(file, FlockArg::LockShared).map_err(|(_, errno)| io::Error::from(errno))?);
    locks.insert(root.to_owned(), Arc::clone(&lock));
    Ok(lock)
}
