//! Package files: records of an index → verified `.deb` files in the cache's pool.

use std::path::PathBuf;

use super::fetch::{Download, FetchError, MirrorClient};
use super::record::{DebOrigin, Record};
use super::release::SignedFile;
use crate::system::cache::Cache;
use crate::system::hash::Sha256;

/// A package's file, and where it can be had.
#[derive(Debug, Clone)]
pub(super) enum PoolFile {
    /// One of these addresses; the next one is tried where a server does not have it.
    Archive { urls: Vec<String>, size: u64, sha256: Sha256 },
    /// A file of this machine.
    Local(PathBuf),
}

impl PoolFile {
    pub fn of(record: &Record) -> Self {
        match &record.origin {
            DebOrigin::Local(path) => Self::Local(path.clone()),
            DebOrigin::Archive { index, filename } => {
                let urls = vec![format!("{}/{filename}", index.base)];
                Self::Archive { urls, size: record.size, sha256: record.sha256 }
            }
        }
    }
}

/// Downloads the packages that are not in the pool. Returns the path of each record's file, in the order of the
/// records. The hash of a file that is in the pool is checked again. Several builds may do this at the same time.
///
/// # Errors
/// When a package cannot be downloaded, or its size or hash differs from the index.
pub fn download(cache: &Cache, client: &MirrorClient, records: &[&Record]) -> Result<Vec<PathBuf>, FetchError> {
    let files: Vec<PoolFile> = records.iter().map(|record| PoolFile::of(record)).collect();
    fetch(cache, client, &files)
}

/// As [`download`], for files of which only the addresses and the hash are known, such as those of a lock. The paths
/// are in the order of the files.
pub(super) fn fetch(cache: &Cache, client: &MirrorClient, files: &[PoolFile]) -> Result<Vec<PathBuf>, FetchError> {
    let mut downloads = Vec::new();
    let mut paths = Vec::new();
    for file in files {
        match file {
            PoolFile::Local(path) => paths.push(path.clone()),
            PoolFile::Archive { urls, size, sha256 } => {
                let path = cache.pool().join(format!("{sha256}.deb"));
                let file = SignedFile { sha256: *sha256, size: *size };
                downloads.push(Download { urls: urls.clone(), file, path: path.clone() });
                paths.push(path);
            }
        }
    }
    client.save_all("downloading packages", &downloads)?;
    Ok(paths)
}
