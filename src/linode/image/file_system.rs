//! The file system of an image: one ext4 from the first byte on, whole, without what Linode's helpers do not support.

use std::path::Path;

use super::check::CheckError;

/// Looks at the superblock (Linux, `Documentation/filesystems/ext4/super.rst`; offsets from byte 1024 on) of an image of `size` bytes, of which
/// `head` is the beginning.
///
/// # Errors
/// What Linode's helpers would not know how to deal with.
pub(super) fn check(path: &Path, head: &[u8], size: u64) -> Result<(), CheckError> {
    const SUPERBLOCK: usize = 1024;
    const MAGIC: u32 = 0xef53;
    const COMPAT_ORPHAN_FILE: u32 = 0x1000;
    const INCOMPAT_JOURNAL_DEVICE: u32 = 0x8;
    const INCOMPAT_EXTENTS: u32 = 0x40;
    const INCOMPAT_64BIT: u32 = 0x80;
    const INCOMPAT_CSUM_SEED: u32 = 0x2000;
    const INCOMPAT_ENCRYPT: u32 = 0x1_0000;
    const RO_COMPAT_METADATA_CSUM: u32 = 0x400;
    let path = || path.to_owned();
    let word = |offset: usize| {
        let bytes = head.get(SUPERBLOCK + offset..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let field = |offset| word(offset).unwrap_or_default();
    let at = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));

    if at(512, b"EFI PART") {
        return Err(CheckError::Partitioned(path()));
    }
    if field(0x38) & 0xffff != MAGIC {
        // A boot sector's mark (the file system's own boot block may have it as well, and then there is a superblock).
        return Err(match at(510, &[0x55, 0xaa]) {
            true => CheckError::Partitioned(path()),
            false => CheckError::NotExt4 { path: path(), found: "there is no superblock in its place" },
        });
    }
    let (compat, incompat, ro_compat) = (field(0x5c), field(0x60), field(0x64));
    if incompat & INCOMPAT_JOURNAL_DEVICE != 0 {
        return Err(CheckError::NotExt4 { path: path(), found: "it is a journal for another file system" });
    }
    if incompat & INCOMPAT_EXTENTS == 0 {
        return Err(CheckError::NotExt4 { path: path(), found: "it is ext2 or ext3, without extents" });
    }
    let features = [
        (ro_compat, RO_COMPAT_METADATA_CSUM, "metadata_csum"),
        (incompat, INCOMPAT_CSUM_SEED, "metadata_csum_seed"),
        (compat, COMPAT_ORPHAN_FILE, "orphan_file"),
        (incompat, INCOMPAT_ENCRYPT, "encrypt"),
    ];
    if let Some(&(_, _, feature)) = features.iter().find(|(set, bit, _)| set & bit != 0) {
        return Err(CheckError::Feature { path: path(), feature });
    }
    let high = if incompat & INCOMPAT_64BIT == 0 { 0 } else { field(0x150) };
    let blocks = u64::from(high) << 32 | u64::from(field(0x4));
    let block = 1024_u64.checked_shl(field(0x18)).unwrap_or(u64::MAX);
    let expected = blocks.saturating_mul(block);
    if expected > size { Err(CheckError::CutOff { path: path(), expected, found: size }) } else { Ok(()) }
}
