//! What the two sides of a sandbox agree upon: the process that asks for one, and the one that this program becomes in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The program's first argument when it is to become a sandbox.
pub(super) const ARGUMENT: &str = "sandbox-init";

/// The exit status of a sandbox that could not be set up; its last line of errors then begins with [`SETUP_FAILED`].
pub(super) const SETUP_STATUS: i32 = 125;

/// Marks the line on standard error that says why there is no sandbox.
pub(super) const SETUP_FAILED: &str = "stackdeb-sandbox: ";

/// What the process inside is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The process that starts it; when that has gone, there is nothing to do.
    pub(super) parent: u32,
    pub(super) root: PathBuf,
    pub(super) root_access: Access,
    pub(super) binds: Vec<Bind>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) command: Vec<String>,
}

/// What the command may do with what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Access {
    ReadOnly,
    ReadWrite,
}

/// A file or folder of the host and its path below the sandbox's /mnt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bind {
    pub(super) host: PathBuf,
    pub(super) inside: PathBuf,
    pub(super) access: Access,
}
