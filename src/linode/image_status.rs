//! How far Linode is with an image: what the API and the errors call it.

use serde::{Deserialize, Serialize};

/// What an image is waiting for, if for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStatus {
    /// Linode waits for its file.
    PendingUpload,
    /// Linode is making it from its file.
    Creating,
    /// Instances can be made from it.
    Available,
    /// A status that this program does not know.
    #[serde(other)]
    Other,
}
