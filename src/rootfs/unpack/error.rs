//! Why a package could not be unpacked.

use std::io;

use crate::deb::ReadError;

/// A package cannot be unpacked, or the root cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UnpackError {
    /// A package cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] ReadError),
    /// One of its entries cannot be unpacked.
    #[error("cannot unpack {entry} of {package}: {source}")]
    #[diagnostic(help(
        "check that the disk has room (`df`); a damaged download is fetched again when it is deleted from the cache"
    ))]
    Entry {
        package: String,
        entry: String,
        #[source]
        source: io::Error,
    },
    /// The root folder cannot be made or finished.
    #[error("cannot prepare the root {path}: {source}")]
    #[diagnostic(help("check that the folder can be written to, and that the disk has room"))]
    Root {
        path: String,
        #[source]
        source: io::Error,
    },
}
