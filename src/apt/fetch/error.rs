//! Why something could not be downloaded.

use std::io;

use crate::system::hash::Sha256;
use crate::system::interrupt;
use crate::system::output::OutputError;

/// What is wrong with a mirror, the network, a file, or this machine.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// The mirror does not have it.
    #[error("{url} is not there")]
    #[diagnostic(help(
        "check the mirror's address and the suite under [image] in stack.toml; or the mirror is being updated: try again"
    ))]
    NotFound {
        /// The address.
        url: String,
    },
    /// The mirror answers something else than the file.
    #[error("{url}: the mirror answers {status}")]
    #[diagnostic(help("check the mirror's address under [image] in stack.toml, and http_proxy if it is set"))]
    Status {
        /// The address.
        url: String,
        /// The status with its name.
        status: String,
    },
    /// The network, several times.
    #[error("{url} cannot be downloaded, after {attempts} attempts: {reason}")]
    #[diagnostic(help("check the network, and http_proxy if the way out is a proxy; or name another [image] mirror"))]
    Network {
        /// The address.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// It is not as long as the index says.
    #[error("{url} has {found} bytes, but {expected} are expected")]
    #[diagnostic(help("the mirror is being updated, or broken: try again, or name another [image] mirror"))]
    Size {
        /// The address.
        url: String,
        /// What the index says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// It is not what the index says.
    #[error("{url} has the SHA-256 {found}, but {expected} is expected")]
    #[diagnostic(help(
        "the file was changed on the mirror or on the way and was not kept: name another [image] mirror"
    ))]
    Hash {
        /// The address.
        url: String,
        /// What the index says.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// A local file.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("it is on a `file:` mirror under [image] in stack.toml: make it readable, or name another"))]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file cannot be kept.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}
