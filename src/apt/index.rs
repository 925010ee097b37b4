//! Package indices (`Packages`, compressed or not): a verified file → the records of amd64. Only one stanza at a time
//! is in memory as text.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::mentions::{self, Mentions};
use super::record::{PackageIndex, Record, RecordError};
use super::release::{Release, SignedFile};
use crate::control::{RelationError, StanzaError, Stanzas};
use crate::deb::xz_decoder;
use crate::system::interrupt;

/// How much is read from the file at a time, in bytes.
const BUFFER: usize = 256 * 1024;
/// The longest index, decompressed, in bytes. Those of Debian and Ubuntu have less than a tenth of that.
const LONGEST_INDEX: u64 = 1024 * 1024 * 1024;
/// The largest number of packages in an index. Those of Debian and Ubuntu have about 70,000.
const MOST_PACKAGES: usize = 250_000;
/// The longest relation fields of an index, all together, in bytes. They are what stays in memory.
const LONGEST_RELATIONS: usize = 64 * 1024 * 1024;
/// The largest number of names that all packages together provide. Those of Debian provide about 70,000.
pub(super) const MOST_PROVIDED: usize = 1_000_000;

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
    /// It cannot be read or decompressed, though its hash is right.
    #[error("cannot read the package index {url}: {source}")]
    #[diagnostic(help(
        "its hash is right, so it is damaged on the mirror itself: name another one under [image] in stack.toml, or try \
         again later"
    ))]
    Read {
        url: String,
        #[source]
        source: io::Error,
    },
    #[error("the package index {url} {what}")]
    #[diagnostic(help("no archive of a distribution is that large: name another mirror under [image] in stack.toml"))]
    TooLarge { url: String, what: String },
    #[error("the package index {url} is not control data: {source}")]
    #[diagnostic(help("its hash is right, so this is a mistake of the archive: report it there"))]
    Syntax {
        url: String,
        #[source]
        source: StanzaError,
    },
    #[error("the package index {url} describes the package `{package}` wrongly: {source}")]
    #[diagnostic(help("its hash is right, so this is a mistake of the archive: report it there"))]
    Record {
        url: String,
        package: String,
        #[source]
        source: RecordError,
    },
    #[error("the packages of the archive provide more than {MOST_PROVIDED} names")]
    #[diagnostic(help("no archive of a distribution has as many: name another mirror under [image] in stack.toml"))]
    TooManyProvided,
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
pub fn find(release: &Release, component: &str, architecture: &str) -> Option<(String, SignedFile, IndexCompression)> {
    IndexCompression::ALL.into_iter().find_map(|compression| {
        let path = format!("{component}/binary-{architecture}/Packages{}", compression.suffix());
        release.file(&path).map(|file| (path, file, compression))
    })
}

/// Checks that an index, as it is downloaded from `url`, is not longer than it may be when it is decompressed.
///
/// # Errors
/// When it is longer.
pub fn check_length(url: &str, file: SignedFile) -> Result<(), IndexError> {
    if file.size <= LONGEST_INDEX {
        return Ok(());
    }
    let what = format!("has {} MiB: more than {} are not read", file.size >> 20, LONGEST_INDEX >> 20);
    Err(IndexError::TooLarge { url: url.to_owned(), what })
}

/// Reads the index that was downloaded from `url` into the file `path`: its records, and all names that it mentions.
///
/// # Errors
/// When the file cannot be read or decompressed, or a stanza does not describe a package.
pub fn read(
    url: &str,
    path: &Path,
    compression: IndexCompression,
    index: &Arc<PackageIndex>,
) -> Result<(Vec<Record>, Mentions), IndexError> {
    let fail = |source| IndexError::Read { url: url.to_owned(), source };
    let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(fail)?);
    match compression {
        IndexCompression::Xz => parse(BufReader::with_capacity(BUFFER, xz_decoder(file).map_err(fail)?), url, index),
        IndexCompression::Gzip => parse(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)), url, index),
        IndexCompression::Plain => parse(file, url, index),
    }
}

fn parse(source: impl BufRead, url: &str, index: &Arc<PackageIndex>) -> Result<(Vec<Record>, Mentions), IndexError> {
    // One byte more than is allowed: if there is one, the index is too long.
    let mut source = source.take(LONGEST_INDEX.saturating_add(1));
    let records = read_records(&mut source, url, index);
    // What was cut off in the middle of a stanza may look like another mistake.
    if source.limit() == 0 {
        return Err(too_large(url, format!("has more than {} MiB when it is decompressed", LONGEST_INDEX >> 20)));
    }
    records
}

fn read_records(
    source: impl BufRead,
    url: &str,
    index: &Arc<PackageIndex>,
) -> Result<(Vec<Record>, Mentions), IndexError> {
    let (mut records, mut mentions, mut relations) = (Vec::new(), Mentions::default(), 0_usize);
    for (number, stanza) in Stanzas::new(source).enumerate() {
        if number % 1024 == 0 && interrupt::requested() {
            return Err(interrupt::Interrupted.into());
        }
        if number >= MOST_PACKAGES {
            return Err(too_large(url, format!("has more than {MOST_PACKAGES} packages")));
        }
        let stanza = stanza.map_err(|error| match error {
            StanzaError::Read(source) => IndexError::Read { url: url.to_owned(), source },
            source => IndexError::Syntax { url: url.to_owned(), source },
        })?;
        let record = Record::from_index(&stanza, index).map_err(|source| {
            let package = stanza.get("Package").unwrap_or_default().to_owned();
            IndexError::Record { url: url.to_owned(), package, source }
        })?;
        relations = relations.saturating_add(record.as_ref().map_or(0, Record::relations_length));
        if relations > LONGEST_RELATIONS {
            return Err(too_large(url, format!("has more than {} MiB of relations", LONGEST_RELATIONS >> 20)));
        }
        if record.is_some() {
            mentions.add(&stanza);
        }
        if mentions.len() > mentions::MOST {
            return Err(too_large(url, format!("has more than {} names of packages", mentions::MOST)));
        }
        records.extend(record);
    }
    Ok((records, mentions))
}

fn too_large(url: &str, what: String) -> IndexError {
    IndexError::TooLarge { url: url.to_owned(), what }
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
        let [base, suite, component] = ["http://m.example", "trixie", "main"].map(str::to_owned);
        let index = Arc::new(PackageIndex { base, suite, component });
        let error = read("http://m.example/Packages.xz", &path, IndexCompression::Xz, &index).unwrap_err().to_string();
        assert!(error.contains("Packages.xz") && error.contains("memory"), "{error}");
    }
}
