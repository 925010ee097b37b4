//! Makes a raw ext4 file system from a finished root, with the target's own `mke2fs -d` in the sandbox. It has
//! no partition table, because Linode's helpers and its default kernel expect the file system itself. The same
//! tree gives the same bytes: UUID, hash seed and times come from the input, and mke2fs 1.47.1 and newer set
//! no time later than `SOURCE_DATE_EPOCH`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::inode_times;
use super::limits::{self, LimitError};
use crate::rootfs::{EntryKind, RootEntry, RunInRoot};
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

/// Where the command sees the finished root, read-only.
pub const TREE: &str = "/mnt/tree";
/// Where the command sees the image file, which it may write.
pub const IMAGE: &str = "/mnt/image";

/// The size of a block, in bytes.
const BLOCK: u64 = 4096;
/// There is one inode for this many bytes. It is mke2fs's default; it is given here because it also holds after
/// the file system has grown.
const BYTES_PER_INODE: u64 = 16 * 1024;
const INODE_BYTES: u64 = 256;
/// The least number of bytes that are used in a block of a folder before the folder gets another block: what is left is too
/// small for an entry, whose name has 255 bytes at most.
const USED_OF_A_BLOCK: u64 = BLOCK - 264;
/// The size of the journal, in MiB. It does not grow with the file system, so it has the right size for a server's disk.
const JOURNAL_MIB: u64 = 64;

/// All features, because mke2fs's defaults change from version to version. `metadata_csum` and `orphan_file` are missing:
/// Linode's helpers do not support them. Because of `uninit_bg`, the first boot need not write all inode tables when the
/// file system grows. Because of `resize_inode`, it can grow to a thousand times its size while it is mounted.
const FEATURES: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,\
    huge_file,uninit_bg,dir_nlink,extra_isize";

/// The properties of a file system that is to be made.
#[derive(Debug, Clone)]
pub struct FileSystem<'a> {
    /// The label, at most 16 bytes.
    pub label: &'a str,
    /// Its UUID and hash seed.
    pub identity: &'a Identity,
    /// What is in the tree, from which the size follows.
    pub entries: &'a [RootEntry],
    /// No file in it has a later time.
    pub epoch: Epoch,
    /// Free space, in bytes, for what the machine writes before the file system has grown.
    pub free_space: u64,
}

/// The two identifiers of a file system, in the form of RFC 9562.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The UUID, by which the root is found.
    pub uuid: String,
    /// The seed of the hash that orders the names in large folders.
    pub hash_seed: String,
}

impl Identity {
    /// Derives both from the properties of the image (name, version, the digest of every package): equal input gives an
    /// equal identity. They are UUIDs of version 8 (RFC 9562, 5.8).
    pub fn of(input: &[&str]) -> Self {
        let derive = |purpose: &str| {
            let mut text = purpose.to_owned();
            for part in input {
                text.push('\0');
                text.push_str(part);
            }
            let digest = Sha256::of(text.as_bytes()).to_string();
            let field = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
            format!("{}-{}-8{}-a{}-{}", field(0, 8), field(8, 12), field(12, 15), field(15, 18), field(18, 30))
        };
        Self { uuid: derive("uuid"), hash_seed: derive("hash seed") }
    }
}

/// Why there is no file system.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Ext4Error {
    /// The time is in the future. The kernel gives files the present as their change time, and no call can change that.
    #[error("the image's time, {0}, is in the future, so two builds would differ")]
    #[diagnostic(help("set SOURCE_DATE_EPOCH, or the date of the newest changelog entry, to a time in the past"))]
    Future(String),
    /// The file system would be larger than Linode accepts.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Limit(#[from] LimitError),
    /// The image file cannot be written.
    #[error("cannot make the image file {path}: {source}")]
    #[diagnostic(help("check that the disk has room for the image"))]
    Create {
        path: String,
        #[source]
        source: io::Error,
    },
    /// With what the sandbox or the command said.
    #[error("mke2fs failed in the finished root: {0}")]
    #[diagnostic(help("the image needs e2fsprogs of version 1.47.1 or newer among its packages"))]
    Run(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Makes the file system in the file `image` (an existing file is replaced) from the tree that `run` shows at [`TREE`].
/// Returns its size in bytes. The file is sparse: free blocks take no space on the disk.
///
/// # Errors
/// When a command fails, the file cannot be made, or it would be larger than Linode accepts.
pub fn make(file_system: &FileSystem, image: &Path, run: RunInRoot) -> Result<u64, Ext4Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if u64::from(file_system.epoch.seconds()) > now {
        return Err(Ext4Error::Future(file_system.epoch.to_rfc3339()));
    }
    let size = TreeSize::of(file_system.entries).file_system_size(file_system.free_space);
    limits::check_raw(size)?;
    let create = || File::create(image)?.set_len(size);
    create().map_err(|source| Ext4Error::Create { path: image.display().to_string(), source })?;
    let identity = file_system.identity;
    let extended = format!("hash_seed={},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", identity.hash_seed);
    let (block, inode, ratio) = (BLOCK.to_string(), INODE_BYTES.to_string(), BYTES_PER_INODE.to_string());
    let journal = format!("size={JOURNAL_MIB}");
    let command = [
        ["mke2fs", "-q", "-F", "-t", "ext4", "-d", TREE].as_slice(),
        &["-b", &block, "-I", &inode, "-i", &ratio, "-J", &journal],
        // One per cent is reserved for root, so that root can clean up a full disk. The default of five per cent would be
        // gigabytes on a grown file system.
        &["-m", "1", "-e", "remount-ro", "-O", FEATURES, "-E", &extended],
        &["-U", &identity.uuid, "-L", file_system.label, IMAGE],
    ]
    .concat();
    run(&command).map_err(Ext4Error::Run)?;
    let settle = || inode_times::settle(&File::options().read(true).write(true).open(image)?, file_system.epoch);
    settle().map_err(|source| Ext4Error::Create { path: image.display().to_string(), source })?;
    Ok(size)
}

/// How many blocks and inodes a tree needs.
#[derive(Debug, Default, PartialEq, Eq)]
struct TreeSize {
    blocks: u64,
    inodes: u64,
}

impl TreeSize {
    fn of(entries: &[RootEntry]) -> Self {
        let mut contents = Self::default();
        let mut linked = HashSet::new();
        // The bytes that the names in each folder need. How large the tree's own folders are depends on its file system.
        let mut folders: HashMap<usize, u64> = HashMap::new();
        for entry in entries {
            let in_folder = folders.entry(entry.folder).or_default();
            *in_folder = in_folder.saturating_add(8).saturating_add((entry.name_bytes as u64).next_multiple_of(4));
            if entry.kind != EntryKind::Folder && entry.names != 1 && !linked.insert(entry.inode) {
                continue;
            }
            let blocks = match entry.kind {
                EntryKind::File => entry.size.div_ceil(BLOCK),
                // One for each folder is spare.
                EntryKind::Folder => 2,
                // The target of a shorter link is in the inode (ext4 documentation, "Symbolic Links").
                EntryKind::Link => u64::from(entry.size >= 60),
                EntryKind::Other => 0,
            };
            contents.inodes = contents.inodes.saturating_add(1);
            contents.blocks = contents.blocks.saturating_add(blocks);
        }
        let further = folders.values().map(|bytes| bytes / USED_OF_A_BLOCK);
        contents.blocks = further.fold(contents.blocks, u64::saturating_add);
        contents
    }

    /// The size in bytes, a multiple of 1 MiB, of a file system with the contents and `free` bytes of free space.
    fn file_system_size(&self, free: u64) -> u64 {
        const MIB: u64 = 1024 * 1024;
        let used = self.blocks.saturating_mul(BLOCK).saturating_add(free).saturating_add(JOURNAL_MIB * MIB);
        // The inode tables take 256 bytes of each 16 KiB. 2 % are for root's reserve, the bitmaps, the descriptors with
        // room to grow, and the blocks that map large files.
        let tables = used / (BYTES_PER_INODE / INODE_BYTES - 1);
        let size = [tables, used / 50, 8 * MIB].into_iter().fold(used, u64::saturating_add);
        // With very many small files, the number of inodes decides. A tenth of them stays free.
        let inodes = self.inodes.saturating_add(self.inodes / 10).saturating_add(1024);
        let for_inodes = inodes.saturating_mul(BYTES_PER_INODE);
        // mke2fs refuses a file system that is smaller than twice the journal.
        let size = size.max(for_inodes).max(3 * JOURNAL_MIB * MIB);
        size.checked_next_multiple_of(MIB).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::CommandResult;

    #[test]
    fn an_identity_follows_from_the_input_alone() {
        let identity = Identity::of(&["shop", "1.0"]);
        assert_eq!(identity, Identity::of(&["shop", "1.0"]));
        assert_ne!(identity.uuid, Identity::of(&["shop1", ".0"]).uuid);
        assert_ne!(identity.uuid, identity.hash_seed);
        let groups: Vec<&str> = identity.uuid.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        // RFC 9562, 4.1 and 4.2: variant 10 in binary, version 8.
        assert!(groups[2].starts_with('8') && groups[3].starts_with('a'), "{}", identity.uuid);
    }

    fn entry(kind: EntryKind, size: u64, names: u64, inode: u64) -> RootEntry {
        RootEntry { kind, size, names, inode, folder: 0, name_bytes: 1 }
    }

    #[test]
    fn a_file_with_two_names_counts_once() {
        use EntryKind::{File, Folder, Link, Other};
        let contents = TreeSize::of(&[
            entry(Folder, 4096, 2, 1),
            entry(File, 5000, 2, 7),
            entry(File, 5000, 2, 7),
            entry(File, 0, 1, 8),
            entry(Link, 60, 1, 9),
            entry(Link, 59, 1, 10),
            entry(Other, 0, 1, 11),
        ]);
        assert_eq!(contents, TreeSize { blocks: 2 + 2 + 1, inodes: 6 });
    }

    #[test]
    fn the_room_for_names_does_not_depend_on_the_trees_file_system() {
        let contents = |size: u64| {
            let folder = entry(EntryKind::Folder, size, 2, 1001);
            let names =
                (0..1000).map(|inode| RootEntry { folder: 1, name_bytes: 200, ..entry(EntryKind::File, 0, 1, inode) });
            TreeSize::of(&[folder].into_iter().chain(names).collect::<Vec<_>>())
        };
        assert_eq!(contents(0), contents(200_000));
        // An entry of a folder has 8 bytes beside its name (ext4 documentation, "Directory Entries").
        assert!(contents(0).blocks >= 2 + (1000 * 208_u64).div_ceil(4096), "{:?}", contents(0));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let epoch = Epoch::from_seconds(1_700_000_000).unwrap();
        let identity = Identity::of(&["shop"]);
        let entries = [entry(EntryKind::File, 7_000_000_000, 1, 1)];
        let file_system = FileSystem { label: "shop", identity: &identity, entries: &entries, epoch, free_space: 0 };
        let run = |_: &[&str]| -> CommandResult { Ok(Vec::new()) };
        assert!(matches!(make(&file_system, &image, &run), Err(Ext4Error::Limit(LimitError::Raw { .. }))));
        assert!(!image.exists());
        let future = FileSystem { epoch: Epoch::from_seconds(i64::from(u32::MAX)).unwrap(), ..file_system };
        assert!(matches!(make(&future, &image, &run), Err(Ext4Error::Future(_))));
    }
}
