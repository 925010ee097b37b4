//! What can go wrong while a root is built.

use std::io;

use super::sandbox::SandboxError;
use super::unpack::UnpackError;
use crate::deb::InstallOrderError;
use crate::system::tree::TreeError;

/// Why there is no configured root.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildError {
    /// A package could not be unpacked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unpack(#[from] UnpackError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] SandboxError),
    /// There is no order in which dpkg installs the packages of an [`Addition`](super::Addition).
    #[error(transparent)]
    #[diagnostic(transparent)]
    Order(#[from] InstallOrderError),
    /// A file of the root could not be written.
    #[error("cannot write {path}: {source}")]
    #[diagnostic(help("check that the disk has room"))]
    Write {
        path: String,
        #[source]
        source: io::Error,
    },
    /// A file of the root could not be removed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Remove(#[from] TreeError),
    /// A `.deb` file cannot be made readable for the users of the root.
    #[error("cannot let the root's dpkg read {path}: {source}")]
    #[diagnostic(help("the folder belongs to another user: build as that user, or delete it"))]
    Share {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The first two steps are not to unpack and to configure the essential packages.
    #[error("the plan for the root does not begin with unpacking and configuring the essential packages")]
    #[diagnostic(help("this is a mistake of the program; please report it with the suite's name"))]
    NoEssential,
    /// `dpkg --audit` reported a problem.
    #[error("dpkg finds the finished root faulty: {0}")]
    #[diagnostic(help("the package that is named is broken in this suite, or needs another one that was not chosen"))]
    Audit(String),
}
