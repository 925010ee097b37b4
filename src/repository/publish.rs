//! Writes a state of the repository in such an order that a reader has a whole one, also after an interruption:
//! packages, the indices under their hashes, the indices under their names, and last the signed file that names all of them.
//! Each file appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use liblzma::write::XzEncoder;

use super::candidate::Candidate;
use super::error::RepositoryError;
use super::folder::{INDEX, RepositoryFolder};
use super::key::SigningKey;
use super::release_file::ReleaseFile;
use super::source_file::SourceFile;
use super::state::RepositoryState;
use crate::control::{Stanza, Version};
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::output::{OutputFile, write_file};

/// The level of xz, as `xz` itself takes it.
const LEVEL: u32 = 6;

/// Copies a package into the pool, unless it is there.
///
/// # Errors
/// When it cannot be written, or the file is not the one that was checked.
pub(super) fn copy_package(folder: &RepositoryFolder, package: &Candidate) -> Result<(), RepositoryError> {
    let target = folder.root().join(&package.filename);
    if Sha256::of_file(&target).is_ok_and(|found| found == (package.sha256, package.size)) {
        return Ok(());
    }
    let shown = || package.path.display().to_string();
    let failed = |source| RepositoryError::Io { path: shown(), source };
    let mut source = File::open(&package.path).map_err(failed)?;
    let mut writer = HashingWriter::new(OutputFile::create(&target)?);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        interrupt::check().map_err(failed)?;
        let count = source.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        let written = writer.write_all(buffer.get(..count).unwrap_or_default());
        written.map_err(|source| RepositoryError::Io { path: target.display().to_string(), source })?;
    }
    let (output, sha256, size) = writer.finish();
    if (sha256, size) != (package.sha256, package.size) {
        return Err(RepositoryError::Changed { path: shown() });
    }
    Ok(output.commit()?)
}

/// Publishes the packages of `entries`, which are all in the pool. `previous` is what is published until then.
///
/// # Errors
/// When a file cannot be written. What was published before is then whole, or what is to be published is.
pub(super) fn publish(
    folder: &RepositoryFolder,
    release: &ReleaseFile,
    entries: &mut [Stanza],
    key: &SigningKey,
    source: &SourceFile,
    previous: Option<&RepositoryState>,
) -> Result<(), RepositoryError> {
    entries.sort_by_cached_key(order);
    let index: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
    let path = |error| RepositoryError::Io { path: INDEX.to_owned(), source: error };
    let xz = compress(index.as_bytes()).map_err(path)?;
    let indices = [index.as_bytes(), xz.as_slice()];
    let text = release.text(indices);
    let signed = key.sign_in_clear(&text, release.date)?;
    let signature = key.sign_detached(&text, release.date)?;
    let hashes = indices.map(Sha256::of);
    let suite = folder.suite(&release.suite);
    for (bytes, hash) in indices.into_iter().zip(hashes) {
        write_if_different(&folder.index_by_hash(&release.suite, hash), bytes)?;
    }
    write_if_different(&suite.join(format!("{INDEX}.xz")), &xz)?;
    write_if_different(&suite.join(INDEX), index.as_bytes())?;
    write_if_different(&folder.source_file(&release.origin), source.text().as_bytes())?;
    // For readers that know no InRelease. Between these two they find a signature that is wrong, and try again.
    write_file(&suite.join("Release"), text.as_bytes())?;
    write_file(&suite.join("Release.gpg"), &signature)?;
    write_file(&folder.in_release(&release.suite), &signed)?;
    let before: &[Sha256] = previous.map_or(&[], |state| &state.indices);
    if before != hashes {
        remove_old(folder, &release.suite, &[before, &hashes].concat())?;
    }
    Ok(())
}

/// The order in the index: by name and then by version, so that the same packages give the same index.
fn order(entry: &Stanza) -> (String, Option<Version>, String) {
    let field = |name: &str| entry.get(name).unwrap_or_default().to_owned();
    (field("Package"), field("Version").parse().ok(), field("Filename"))
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = XzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A file that stays as it is need not be uploaded again.
fn write_if_different(path: &Path, bytes: &[u8]) -> Result<(), RepositoryError> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    Ok(write_file(path, bytes)?)
}

/// Removes indices that neither this state nor the one before it names. A reader that has the state before it finds its
/// indices until the next one is published.
fn remove_old(folder: &RepositoryFolder, suite: &str, kept: &[Sha256]) -> Result<(), RepositoryError> {
    let by_hash = folder.by_hash(suite);
    let failed = |source| RepositoryError::Io { path: by_hash.display().to_string(), source };
    for entry in fs::read_dir(&by_hash).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hash = entry.file_name().to_str().and_then(|name| name.parse::<Sha256>().ok());
        if hash.is_some_and(|hash| !kept.contains(&hash)) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
