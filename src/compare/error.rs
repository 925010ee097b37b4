//! Why two files cannot be compared.

use std::io;

use crate::deb::ReadError;
use crate::system::interrupt;

/// Why there is no answer. As in diff(1), the exit status is then 2.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CompareError {
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check its name, and whether you may read it"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{0} is neither a Debian package nor an image")]
    #[diagnostic(help(
        "a package is what `stackdeb deb` builds, or any other .deb; an image is an ext4 file system without partitions, as \
         `stackdeb image` builds it, and may be compressed by gzip"
    ))]
    Neither(String),
    #[error("{a} is {a_is}, and {b} is {b_is}")]
    #[diagnostic(help("name two packages, or two images"))]
    Kinds { a: String, b: String, a_is: &'static str, b_is: &'static str },
    #[error("the file system in {path} cannot be read: {reason}")]
    #[diagnostic(help("the image is damaged, or no ext4 file system: `gzip -t` and `e2fsck -fn` say more"))]
    FileSystem { path: String, reason: String },
    #[error("{path} has more than {most} GB when it is decompressed")]
    #[diagnostic(help("no image of a server has that size; was it made by `stackdeb image`?"))]
    TooLarge { path: String, most: u64 },
    #[error("cannot write the decompressed image: {source}")]
    #[diagnostic(help("make room in the cache: `stackdeb cache` says where it is, and what is in it"))]
    Write {
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] ReadError),
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

/// Fails if the user has interrupted.
pub(super) fn check_interrupt() -> Result<(), CompareError> {
    if interrupt::requested() { Err(interrupt::Interrupted.into()) } else { Ok(()) }
}

impl CompareError {
    /// The exit status for it: that of trouble in diff(1).
    pub fn exit_status(&self) -> u8 {
        2
    }
}
