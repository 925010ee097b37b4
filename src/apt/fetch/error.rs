//! Why a download failed, each with the address.

use std::io;

use crate::system::hash::Sha256;
use crate::system::interrupt;
use crate::system::output::OutputError;

/// Why a file could not be downloaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    #[error("the mirror does not have {url}")]
    #[diagnostic(help(
        "check the mirror's address and the suite under [image] in stack.toml; if both are right, the mirror is being \
         updated: try again later"
    ))]
    NotFound { url: String },
    /// The status is neither a success nor one that may pass.
    #[error("the mirror answers {status} for {url}")]
    #[diagnostic(help("check the mirror's address under [image] in stack.toml, and http_proxy if it is set"))]
    Status {
        url: String,
        /// The code with its name: `403 Forbidden`.
        status: String,
    },
    #[error("{url} cannot be downloaded, after {attempts} attempts: {reason}")]
    #[diagnostic(help(
        "check the network, and http_proxy if you use a proxy; or name another mirror under [image] in stack.toml"
    ))]
    Network {
        url: String,
        attempts: u32,
        /// The error of the last attempt.
        reason: String,
    },
    #[error("{url} is sent too slowly: {found} bytes in {seconds} seconds")]
    #[diagnostic(help("name another mirror under [image] in stack.toml; what was downloaded before is kept"))]
    Slow { url: String, found: u64, seconds: u64 },
    #[error("{url} has {found} bytes, but {expected} are expected")]
    #[diagnostic(help(
        "the mirror is being updated or is broken: try again later, or name another one under [image] in stack.toml"
    ))]
    Size { url: String, expected: u64, found: u64 },
    /// `expected` is from the index.
    #[error("{url} has the SHA-256 {found}, but {expected} is expected")]
    #[diagnostic(help(
        "the file was changed on the mirror or on the way, so it was discarded: name another one under [image] in \
         stack.toml"
    ))]
    Hash { url: String, expected: Sha256, found: Sha256 },
    /// A file of a `file:` mirror.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("make the file readable, or name another mirror under [image] in stack.toml"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}
