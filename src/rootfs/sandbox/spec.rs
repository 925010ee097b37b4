//! The message from the process that wants a sandbox to the process that becomes one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rootfs::root::Location;
use crate::system::userns::Ids;

/// The program's first argument when it is to become a sandbox.
pub(super) const ARGUMENT: &str = "sandbox-init";

/// The exit status of a sandbox that could not be set up; its last line of errors then begins with [`SETUP_FAILED`].
pub(super) const SETUP_STATUS: i32 = 125;

/// Marks the line on standard error that says why there is no sandbox.
pub(super) const SETUP_FAILED: &str = "stackdeb-sandbox: ";

/// What the process inside has to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The id of the process that starts it. If that process has ended, nothing is done.
    pub(super) parent: u32,
    pub(super) root: Location,
    /// Which ids of this machine the users of the root have.
    pub(super) ids: Ids,
    pub(super) root_access: Access,
    pub(super) binds: Vec<Bind>,
    /// The path below /mnt at which the root itself is shown, read-only and without the sandbox's own mounts.
    pub(super) tree: Option<PathBuf>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) network: Network,
    pub(super) command: Vec<String>,
}

/// What the command can connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Network {
    /// A network of its own with the loopback interface alone.
    Own,
    /// The network of this machine, with all that listens there.
    OfHost,
}

/// Whether the command may write.
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
