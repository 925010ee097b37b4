//! The packages themselves: records of the index come in; verified `.deb` files in the cache's pool go out.

use std::path::PathBuf;

use super::fetch::{Client, Download, FetchError};
use super::record::{Origin, Record};
use super::release::ReleaseFile;
use crate::system::cache::Cache;

/// Downloads what the pool lacks, and gives the file of each record, in the records' order. A file in the pool is used
/// only after its hash has been checked once more. Several builds may do this at once.
///
/// # Errors
/// When one of them cannot be had, or is not what the index says.
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
