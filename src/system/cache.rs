//! The cache in `$XDG_CACHE_HOME/stackdeb`: downloads, and files that can be made again. It may be deleted at any time.
//! Several builds may use it at once, because a file is named after its content and appears only when it is complete.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

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
}

impl Cache {
    /// Finds the cache of this user (XDG Base Directory Specification) and makes its folders.
    ///
    /// # Errors
    /// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path, or a folder cannot be made.
    pub fn open() -> Result<Self, CacheError> {
        Self::at(&Self::place().ok_or(CacheError::NoPlace)?)
    }

    /// The cache of this user, if there is one. Nothing is made.
    pub fn existing() -> Option<Self> {
        Self::place().filter(|root| root.is_dir()).map(|root| Self { root })
    }

    fn place() -> Option<PathBuf> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        Some(base?.join("stackdeb"))
    }

    /// Makes `root` a cache.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn at(root: &Path) -> Result<Self, CacheError> {
        let cache = Self { root: root.to_owned() };
        for folder in [
            cache.pool(),
            cache.lists(),
            cache.names(),
            cache.releases(),
            cache.work(),
            cache.tools(),
            cache.wheels(),
            cache.bases(),
            cache.index_pages(),
            cache.built(),
        ] {
            fs::create_dir_all(&folder)
                .map_err(|source| CacheError::Create { path: folder.display().to_string(), source })?;
        }
        Ok(cache)
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

    /// The folder of downloaded Python libraries. Each is named `SHA256.whl`; beside it stands its content.
    pub fn wheels(&self) -> PathBuf {
        self.root.join("wheels")
    }

    /// The folder of an index's pages about Python libraries. Each is named after the SHA-256 of its address.
    pub fn index_pages(&self) -> PathBuf {
        self.root.join("index-pages")
    }

    /// The folder of configured roots without a stack's own package. Each is named after what it is made of.
    pub fn bases(&self) -> PathBuf {
        self.root.join("bases")
    }

    /// The folder of what build commands made of apps. Each is a folder, named after the SHA-256 of all that it depends on.
    pub fn built(&self) -> PathBuf {
        self.root.join("built")
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
