//! Package indices (`Packages`, compressed or not): a verified file → the records of amd64. Only one stanza at a time
//! is in memory as text.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::record::{Record, RecordError};
use super::release::{Release, ReleaseFile};
use crate::control::{RelationError, StanzaError, Stanzas};
use crate::deb::xz_decoder;
use crate::system::interrupt;

/// In bytes.
const BUFFER: usize = 256 * 1024;
/// The longest index, decompressed, in bytes, and the largest number of its packages. Ubuntu's `universe`, the largest, has
/// a tenth of both.
const LONGEST_INDEX: u64 = 1024 * 1024 * 1024;
const MOST_PACKAGES: usize = 1_000_000;

/// The forms of an index that are read, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexCompression {
    Xz,
    Gzip,
    Plain,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IndexError {
    #[error("{url} names no index of packages for `{component}` on amd64")]
    #[diagnostic(help("the mirror may have other architectures only: name another one under [image] in stack.toml"))]
    Missing { url: String, component: String },
    /// It cannot be read or decompressed.
    #[error("cannot read the package index {path}: {source}")]
    #[diagnostic(help("delete it: the next build downloads it again"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "the package index {path} has more than {} MiB when it is decompressed, or more than {MOST_PACKAGES} packages",
        LONGEST_INDEX >> 20
    )]
    #[diagnostic(help("no archive of a distribution is that large: name another mirror under [image] in stack.toml"))]
    TooLarge { path: String },
    #[error("the package index {path} is not control data: {source}")]
    #[diagnostic(help("its hash is right, so this is a mistake of the archive: report it there"))]
    Syntax {
        path: String,
        #[source]
        source: StanzaError,
    },
    #[error("the package index {path} describes the package `{package}` wrongly: {source}")]
    #[diagnostic(help("its hash is right, so this is a mistake of the archive: report it there"))]
    Record {
        path: String,
        package: String,
        #[source]
        source: RecordError,
    },
    #[error("the package `{package}` has a field Provides that cannot be read: {source}")]
    #[diagnostic(help("report it to the package's maintainer"))]
    Provides {
        package: String,
        #[source]
        source: RelationError,
    },
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

impl IndexCompression {
    const ALL: [Self; 3] = [Self::Xz, Self::Gzip, Self::Plain];

    fn suffix(self) -> &'static str {
        match self {
            Self::Xz => ".xz",
            Self::Gzip => ".gz",
            Self::Plain => "",
        }
    }
}

/// Finds the smallest form of a component's index that the Release file lists. Returns its path below the suite's
/// folder, its size and hash, and its compression.
pub fn find(release: &Release, component: &str, architecture: &str) -> Option<(String, ReleaseFile, IndexCompression)> {
    IndexCompression::ALL.into_iter().find_map(|compression| {
        let path = format!("{component}/binary-{architecture}/Packages{}", compression.suffix());
        release.file(&path).map(|file| (path, file, compression))
    })
}

/// Reads the index in the file `path`, which belongs to the archive at the address `base`.
///
/// # Errors
/// When the file cannot be read or decompressed, or a stanza does not describe a package.
pub fn read(path: &Path, compression: IndexCompression, base: &Arc<str>) -> Result<Vec<Record>, IndexError> {
    let fail = |source| IndexError::Read { path: path.display().to_string(), source };
    let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(fail)?);
    match compression {
        IndexCompression::Xz => parse(BufReader::with_capacity(BUFFER, xz_decoder(file).map_err(fail)?), path, base),
        IndexCompression::Gzip => parse(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)), path, base),
        IndexCompression::Plain => parse(file, path, base),
    }
}

fn parse(source: impl BufRead, path: &Path, base: &Arc<str>) -> Result<Vec<Record>, IndexError> {
    let path = || path.display().to_string();
    let mut records = Vec::new();
    // One byte more than is allowed: whoever reads it has read too much.
    let mut source = source.take(LONGEST_INDEX.saturating_add(1));
    for (index, stanza) in Stanzas::new(&mut source).enumerate() {
        if index % 1024 == 0 && interrupt::requested() {
            return Err(interrupt::Interrupted.into());
        }
        let stanza = stanza.map_err(|error| match error {
            StanzaError::Read(source) => IndexError::Read { path: path(), source },
            source => IndexError::Syntax { path: path(), source },
        })?;
        let record = Record::from_index(&stanza, base).map_err(|source| {
            let package = stanza.get("Package").unwrap_or_default().to_owned();
            IndexError::Record { path: path(), package, source }
        })?;
        records.extend(record);
        if records.len() > MOST_PACKAGES {
            return Err(IndexError::TooLarge { path: path() });
        }
    }
    if source.limit() == 0 { Err(IndexError::TooLarge { path: path() }) } else { Ok(records) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deb::hungry_xz;

    #[test]
    fn an_index_gets_no_more_memory_than_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Packages.xz");
        std::fs::write(&path, hungry_xz(b"Package: aa\n")).unwrap();
        let error = read(&path, IndexCompression::Xz, &"http://m.example".into()).unwrap_err().to_string();
        assert!(error.contains("Packages.xz") && error.contains("memory"), "{error}");
    }
}
