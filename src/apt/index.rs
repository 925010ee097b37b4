//! A package index (`Packages`, plain or compressed): a verified file comes in, the records of our architecture go out,
//! one stanza in memory at a time.

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

const BUFFER: usize = 256 * 1024;

/// How an index is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `Packages.xz`
    Xz,
    /// `Packages.gz`
    Gzip,
    /// `Packages`
    Plain,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IndexError {
    /// The Release file names none.
    #[error("{url} names no index of packages for `{component}` on amd64")]
    #[diagnostic(help("the mirror may be one for other architectures: name another as [image] mirror in stack.toml"))]
    Missing {
        /// The Release file.
        url: String,
        /// The component.
        component: String,
    },
    /// It cannot be read or decompressed.
    #[error("cannot read the package index {path}: {source}")]
    #[diagnostic(help("delete it from the cache: it is fetched again"))]
    Read {
        /// The file in the cache.
        path: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// It is not control data.
    #[error("the package index {path} is not control data: {source}")]
    #[diagnostic(help("its hash is right, so the archive published it so: report it there"))]
    Syntax {
        /// The file.
        path: String,
        /// The line.
        #[source]
        source: StanzaError,
    },
    /// One of its packages is not described as packages are.
    #[error("the package index {path}, package `{package}`: {source}")]
    #[diagnostic(help("its hash is right, so the archive published it so: report it there"))]
    Record {
        /// The file.
        path: String,
        /// The package's name.
        package: String,
        /// The field.
        #[source]
        source: RecordError,
    },
    /// A package's provided names.
    #[error("the package `{package}` has a field Provides that cannot be read: {source}")]
    #[diagnostic(help("report it to the package's maintainer"))]
    Provides {
        /// The package's name.
        package: String,
        /// What is wrong.
        #[source]
        source: RelationError,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

impl Compression {
    const ALL: [Self; 3] = [Self::Xz, Self::Gzip, Self::Plain];

    fn suffix(self) -> &'static str {
        match self {
            Self::Xz => ".xz",
            Self::Gzip => ".gz",
            Self::Plain => "",
        }
    }
}

/// The index of a component and an architecture in the form that is the quickest to fetch, of those that the Release file
/// knows: its path below the suite's folder, what it must be, and how it is compressed.
pub fn find(release: &Release, component: &str, architecture: &str) -> Option<(String, ReleaseFile, Compression)> {
    Compression::ALL.into_iter().find_map(|compression| {
        let path = format!("{component}/binary-{architecture}/Packages{}", compression.suffix());
        release.file(&path).map(|file| (path, file, compression))
    })
}

/// Reads the index in the file `path`, of the archive at `base`.
///
/// # Errors
/// When it cannot be read, or something in it is not as it should be.
pub fn read(path: &Path, compression: Compression, base: &Arc<str>) -> Result<Vec<Record>, IndexError> {
    let fail = |source| IndexError::Read { path: path.display().to_string(), source };
    let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(fail)?);
    match compression {
        Compression::Xz => parse(BufReader::with_capacity(BUFFER, XzDecoder::new_multi_decoder(file)), path, base),
        Compression::Gzip => parse(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)), path, base),
        Compression::Plain => parse(file, path, base),
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
