//! Where the file of a template is on a server.

use super::template::Template;

/// A file that is made from a template: the template, and the path, mode and kind of the file.
pub(super) type Destination = (Template, String, u32, FileKind);

/// Whether the administrator may edit a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// An upgrade replaces it.
    Plain,
    /// dpkg asks before it replaces an edited one.
    Conffile,
}
