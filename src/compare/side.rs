//! One of the two that are compared, and everything that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::attributes::CAPABILITIES;
use crate::system::hash::Sha256;

/// The sort of a file. Only two files of the same sort are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Package,
    Image,
}

/// A package or an image.
#[derive(Debug, Clone)]
pub struct Side {
    pub path: String,
    pub what: What,
    /// The digest of the file; of an image, that of its bytes without compression.
    pub sha256: Sha256,
    /// The packages with their versions: those installed in the image, or the package itself.
    pub packages: BTreeMap<String, String>,
    /// The fields of the package's control data.
    pub fields: BTreeMap<String, String>,
    /// By their absolute paths. The control files of a package are in the folder `DEBIAN`, as dpkg-deb(1) unpacks them.
    pub files: BTreeMap<String, TreeEntry>,
    /// The package of each file that belongs to one.
    pub owners: BTreeMap<String, String>,
    /// Whether extended attributes, the numbers of devices and the other names of files are known.
    pub has_details: bool,
}

/// A file, a folder, a link or something else with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeEntry {
    pub kind: TreeEntryKind,
    /// The permissions, with the set-user-ID, set-group-ID and sticky bits.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// In bytes; 0 for all but files.
    pub size: u64,
    /// In seconds since 1970.
    #[serde(skip)]
    pub modified: i64,
    /// The SHA-256 of a file, the target of a link, the numbers of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The extended attributes, as words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The other names of the same file: its hard links.
    #[serde(rename = "other-names", skip_serializing_if = "BTreeSet::is_empty")]
    pub other_names: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeEntryKind {
    File,
    Folder,
    Link,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
}

impl What {
    /// With its article.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "a package",
            Self::Image => "an image",
        }
    }
}

impl TreeEntryKind {
    pub fn is_device(self) -> bool {
        matches!(self, Self::CharacterDevice | Self::BlockDevice)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::CharacterDevice => "character device",
            Self::BlockDevice => "block device",
            Self::Fifo => "pipe",
            Self::Socket => "socket",
        }
    }
}

impl TreeEntry {
    /// Whether a user who runs it gets the rights of its owner or group, or capabilities.
    pub fn gives_rights(&self) -> bool {
        self.kind == TreeEntryKind::File && (self.mode & 0o6000 != 0 || self.attributes.contains_key(CAPABILITIES))
    }
}

/// Sets the other names of each file in `files`. `names` has the paths of each file.
pub(super) fn set_other_names(
    files: &mut BTreeMap<String, TreeEntry>,
    names: impl IntoIterator<Item = BTreeSet<String>>,
) {
    for all in names {
        for path in &all {
            if let Some(entry) = files.get_mut(path) {
                entry.other_names = all.iter().filter(|other| *other != path).cloned().collect();
            }
        }
    }
}

fn octal<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}
