//! The cache: downloads and everything that can be made again, in `$XDG_CACHE_HOME/stackdeb`. It may be removed at any
//! time, and several builds may use it at once: files are named by their content and appear whole.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The cache's folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// Why there is no cache.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CacheError {
    /// Nothing says where it is.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no place for the cache")]
    #[diagnostic(help("set XDG_CACHE_HOME to a folder on a disk with a few GB of room"))]
    NoPlace,
    /// It cannot be made.
    #[error("cannot make the cache folder {path}: {source}")]
    #[diagnostic(help("set XDG_CACHE_HOME to a folder that you may write to"))]
    Create {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Cache {
    /// Finds the cache (XDG Base Directory Specification) and makes its folder.
    ///
    /// # Errors
    /// When no variable says where it is, or it cannot be made.
    pub fn open() -> Result<Self, CacheError> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        Self::at(&base.ok_or(CacheError::NoPlace)?.join("stackdeb"))
    }

    /// Uses `root` as the cache.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn at(root: &Path) -> Result<Self, CacheError> {
        let cache = Self { root: root.to_owned() };
        for folder in [cache.pool(), cache.lists(), cache.work(), cache.tools()] {
            fs::create_dir_all(&folder)
                .map_err(|source| CacheError::Create { path: folder.display().to_string(), source })?;
        }
        Ok(cache)
    }

    /// Downloaded packages, each as `SHA256.deb`.
    pub fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    /// Downloaded package indices, each as its SHA-256.
    pub fn lists(&self) -> PathBuf {
        self.root.join("lists")
    }

    /// Folders of builds that are under way.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Programs of the target that were made ready for use here, such as GRUB for a virtual machine.
    pub fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }
}
