//! Package files: records of an index → verified `.deb` files in the cache's pool.

use std::path::PathBuf;

use super::fetch::{Client, Download, FetchError};
use super::record::{Origin, Record};
use super::release::ReleaseFile;
use crate::system::cache::Cache;

/// Downloads the packages that are not in the pool. Returns the path of each record's file, in the order of the
/// records. The hash of a file that is in the pool is checked again. Several builds may do this at the same time.
///
/// # Errors
/// When a package cannot be downloaded, or its size or hash differs from the index.
pub fn download(cache: &Cache, client: &Client, records: &[&Record]) -> Result<Vec<PathBuf>, FetchError> {
    let mut downloads = Vec::new();
    let mut paths = Vec::new();
    for record in records {
        match &record.origin {
            Origin::Local(path) => paths.push(path.clone()),
            Origin::Archive { base, filename } => {
                let path = cache.pool().join(format!("{}.deb", record.sha256));
                let file = ReleaseFile { sha256: record.sha256, size: record.size };
                downloads.push(Download { urls: vec![format!("{base}/{filename}")], file, path: path.clone() });
                paths.push(path);
            }
        }
    }
    client.save_all("downloading packages", &downloads)?;
    Ok(paths)
}
