//! Package indices (`Packages`, compressed or not): a verified file → the records of amd64. Only one stanza at a time
//! is in memory as text.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;

use super::record::{Record, RecordError};
use super::release::{Release, ReleaseFile};
use crate::control::{RelationError, StanzaError, Stanzas};
use crate::system::interrupt;

/// In bytes.
const BUFFER: usize = 256 * 1024;

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
        IndexCompression::Xz => parse(BufReader::with_capacity(BUFFER, XzDecoder::new_multi_decoder(file)), path, base),
        IndexCompression::Gzip => parse(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)), path, base),
        IndexCompression::Plain => parse(file, path, base),
    }
}

fn parse(source: impl BufRead, path: &Path, base: &Arc<str>) -> Result<Vec<Record>, IndexError> {
    let path = || path.display().to_string();
    let mut records = Vec::new();
    for (index, stanza) in Stanzas::new(source).enumerate() {
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
    }
    Ok(records)
}
