//! What is in a root, as far as its file system needs to know that: enough to see how large it will be.

use nix::sys::stat::{FileStat, SFlag};

/// One name in a root, or the root itself, which has an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootEntry {
    pub kind: EntryKind,
    /// In bytes.
    pub size: u64,
    /// How many names the file has.
    pub names: u64,
    pub inode: u64,
    /// The number of the folder that it is in. The root is in itself.
    pub folder: usize,
    /// The length of its name, in bytes.
    pub name_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    Link,
    /// A device, a pipe or a socket.
    Other,
}

impl RootEntry {
    pub(super) fn of(found: &FileStat, folder: usize, name_bytes: usize) -> Self {
        let kind = match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => EntryKind::File,
            SFlag::S_IFDIR => EntryKind::Folder,
            SFlag::S_IFLNK => EntryKind::Link,
            _ => EntryKind::Other,
        };
        let size = u64::try_from(found.st_size).unwrap_or_default();
        Self { kind, size, names: found.st_nlink, inode: found.st_ino, folder, name_bytes }
    }
}
