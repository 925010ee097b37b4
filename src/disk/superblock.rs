//! What the first 2 KiB of a disk image say about its content. [`identify`] takes these bytes; it returns the
//! superblock of an ext4 file system, or reports a partition table, or neither. The offsets and bits are those
//! of the Linux kernel's `Documentation/filesystems/ext4/super.rst`.

/// How many bytes from the beginning of an image [`identify`] looks at.
pub const HEAD: usize = 2048;

/// What is wrong with an image that has partitions: a phrase that follows its name.
pub const HAS_PARTITIONS: &str = "has a partition table, which Linode's helpers and its kernel cannot use";

/// The superblock's own offset in the image, in bytes.
const OFFSET: usize = 1024;
/// `s_magic`, little-endian, at [`MAGIC_OFFSET`] in the superblock.
const MAGIC: u16 = 0xef53;
const MAGIC_OFFSET: usize = 0x38;

const COMPAT_ORPHAN_FILE: u32 = 0x1000;
const INCOMPAT_JOURNAL_DEVICE: u32 = 0x8;
const INCOMPAT_EXTENTS: u32 = 0x40;
const INCOMPAT_64BIT: u32 = 0x80;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
const INCOMPAT_ENCRYPT: u32 = 0x1_0000;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

/// What an image contains from its first byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageContent {
    /// A file system of the family ext2, ext3 and ext4, or a journal for one.
    FileSystem(Superblock),
    /// A partition table, MBR or GPT.
    PartitionTable,
    /// A file system that is neither ext3 nor ext4, or none.
    Unknown,
}

/// The fields of a superblock that decide whether Linode can use the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    compat: u32,
    incompat: u32,
    ro_compat: u32,
    bytes: u64,
}

/// Says what an image contains. `head` is its beginning: [`HEAD`] bytes, fewer only if the image is shorter.
pub fn identify(head: &[u8]) -> ImageContent {
    let has = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    if has(512, b"EFI PART") {
        return ImageContent::PartitionTable;
    }
    match Superblock::read(head) {
        Some(superblock) => ImageContent::FileSystem(superblock),
        // The mark of a boot sector. The boot block of a file system may have it too, but then there is a superblock.
        None if has(510, &[0x55, 0xaa]) => ImageContent::PartitionTable,
        None => ImageContent::Unknown,
    }
}

impl Superblock {
    fn read(head: &[u8]) -> Option<Self> {
        let superblock = head.get(OFFSET..)?;
        let magic = superblock.get(MAGIC_OFFSET..)?.first_chunk()?;
        if u16::from_le_bytes(*magic) != MAGIC {
            return None;
        }
        let field = |offset: usize| {
            let bytes = superblock.get(offset..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let (compat, incompat, ro_compat) = (field(0x5c), field(0x60), field(0x64));
        let high = if incompat & INCOMPAT_64BIT == 0 { 0 } else { field(0x150) };
        let blocks = u64::from(high) << 32 | u64::from(field(0x4));
        let block_bytes = 1024_u64.checked_shl(field(0x18)).unwrap_or(u64::MAX);
        Some(Self { compat, incompat, ro_compat, bytes: blocks.saturating_mul(block_bytes) })
    }

    /// How long the file system is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it is, if it is not ext4: a phrase that follows "it is".
    pub fn other_than_ext4(&self) -> Option<&'static str> {
        if self.incompat & INCOMPAT_JOURNAL_DEVICE != 0 {
            return Some("a journal for another file system");
        }
        (self.incompat & INCOMPAT_EXTENTS == 0).then_some("ext2 or ext3, without extents")
    }

    /// A feature that Linode's helpers do not support, under its name in mke2fs(8).
    pub fn feature_that_linode_lacks(&self) -> Option<&'static str> {
        let features = [
            (self.ro_compat, RO_COMPAT_METADATA_CSUM, "metadata_csum"),
            (self.incompat, INCOMPAT_CSUM_SEED, "metadata_csum_seed"),
            (self.compat, COMPAT_ORPHAN_FILE, "orphan_file"),
            (self.incompat, INCOMPAT_ENCRYPT, "encrypt"),
        ];
        features.iter().find(|(set, bit, _)| set & bit != 0).map(|&(_, _, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image's first bytes with these at these offsets.
    fn head(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (offset, bytes) in parts {
            head[*offset..][..bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    const MAGIC_PART: (usize, &[u8]) = (1024 + 0x38, &[0x53, 0xef]);

    fn file_system(parts: &[(usize, &[u8])]) -> Superblock {
        match identify(&head(&[parts, &[MAGIC_PART]].concat())) {
            ImageContent::FileSystem(superblock) => superblock,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_partition_table_is_not_a_file_system() {
        let boot_mark: (usize, &[u8]) = (510, &[0x55, 0xaa]);
        assert_eq!(identify(&head(&[boot_mark])), ImageContent::PartitionTable);
        assert_eq!(identify(&head(&[(512, b"EFI PART"), MAGIC_PART])), ImageContent::PartitionTable);
        assert!(matches!(identify(&head(&[boot_mark, MAGIC_PART])), ImageContent::FileSystem(_)));
        for short in [&[][..], &[0; 511], &[0; 1024 + 0x39]] {
            assert_eq!(identify(short), ImageContent::Unknown, "{} bytes", short.len());
        }
    }

    #[test]
    fn the_size_is_blocks_times_their_length() {
        // 3 blocks of 1024 << 2 bytes.
        let small = file_system(&[(1024 + 0x4, &[3]), (1024 + 0x18, &[2])]);
        assert_eq!(small.bytes(), 3 * 4096);
        // The upper half of the number of blocks counts with the feature 64bit alone.
        let high: &[(usize, &[u8])] = &[(1024 + 0x150, &[1])];
        assert_eq!(file_system(high).bytes(), 0);
        assert_eq!(file_system(&[high, &[(1024 + 0x60, &[0x80])]].concat()).bytes(), (1 << 32) * 1024);
        // A length that nothing has must not wrap around to a small one.
        assert_eq!(file_system(&[(1024 + 0x4, &[9]), (1024 + 0x18, &[200])]).bytes(), u64::MAX);
    }

    #[test]
    fn what_linode_cannot_use_has_a_name() {
        let with = |offset: usize, bits: u32| file_system(&[(1024 + offset, &bits.to_le_bytes())]);
        assert_eq!(with(0x60, 0).other_than_ext4(), Some("ext2 or ext3, without extents"));
        assert_eq!(with(0x60, 0x48).other_than_ext4(), Some("a journal for another file system"));
        assert_eq!(with(0x60, 0x40).other_than_ext4(), None);
        for (offset, bit, name) in [
            (0x64, 0x400, "metadata_csum"),
            (0x60, 0x2000, "metadata_csum_seed"),
            (0x5c, 0x1000, "orphan_file"),
            (0x60, 0x1_0000, "encrypt"),
        ] {
            assert_eq!(with(offset, bit).feature_that_linode_lacks(), Some(name));
        }
        assert_eq!(with(0x60, 0x2c2).feature_that_linode_lacks(), None);
    }
}
