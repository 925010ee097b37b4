//! The times of an image's inodes that no call can set on a tree. The kernel gives a file the present as its change time, and
//! `mke2fs -d` copies that, so the image would depend on when the files of its tree were made. Here they get their final
//! values in the image itself: the layout is that of the Linux kernel's `Documentation/filesystems/ext4`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::system::epoch::Epoch;

/// The offset of the superblock, in bytes, and how many bytes of it are read.
const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 1024;
/// The size of a group's descriptor without the feature `64bit`, in bytes.
const DESCRIPTOR: usize = 32;
/// The inode of the root folder.
const ROOT: u64 = 2;
/// The first inode that is not one of the file system's own: `lost+found`, then the files.
const FIRST: u64 = 11;

// Offsets in an inode.
const MODE: usize = 0x0;
const ACCESSED: usize = 0x8;
const CHANGED: usize = 0xc;
const MODIFIED: usize = 0x10;
const CHANGED_EXTRA: usize = 0x84;
const MODIFIED_EXTRA: usize = 0x88;
const ACCESSED_EXTRA: usize = 0x8c;

/// Sets in the file system `image`, which has neither `metadata_csum` nor `64bit`, the change time of each file to `epoch`,
/// and its access time to the time of its modification.
///
/// # Errors
/// When the image cannot be read or written, or is no such file system.
pub fn settle(image: &File, epoch: Epoch) -> io::Result<()> {
    let mut superblock = vec![0; SUPERBLOCK_BYTES];
    image.read_exact_at(&mut superblock, SUPERBLOCK)?;
    let of_superblock = |offset| number(&superblock, offset).map(u64::from);
    let block = 1024_u64.checked_shl(number(&superblock, 0x18)?).ok_or_else(damaged)?;
    let (inodes, per_group) = (of_superblock(0x0)?, of_superblock(0x28)?);
    let (inode_bytes, first_block) = (u64::from(half(&superblock, 0x58)?), of_superblock(0x14)?);
    if per_group == 0 || inode_bytes < 256 {
        return Err(damaged());
    }
    let groups = usize::try_from(inodes.div_ceil(per_group)).map_err(io::Error::other)?;
    let mut descriptors = vec![0; groups.checked_mul(DESCRIPTOR).ok_or_else(damaged)?];
    image.read_exact_at(&mut descriptors, first_block.saturating_add(1).saturating_mul(block))?;
    for (group, descriptor) in (0_u64..).zip(descriptors.chunks_exact(DESCRIPTOR)) {
        let unused = u64::from(half(descriptor, 0x1c)?);
        let used = per_group.saturating_sub(unused);
        let place = u64::from(number(descriptor, 0x8)?).saturating_mul(block);
        let mut table = vec![0; usize::try_from(used.saturating_mul(inode_bytes)).map_err(io::Error::other)?];
        image.read_exact_at(&mut table, place)?;
        let first = group.saturating_mul(per_group).saturating_add(1);
        let size = usize::try_from(inode_bytes).map_err(io::Error::other)?;
        for (inode, bytes) in (first..).zip(table.chunks_exact_mut(size)) {
            if (inode == ROOT || inode >= FIRST) && half(bytes, MODE)? != 0 {
                settle_inode(bytes, epoch)?;
            }
        }
        image.write_all_at(&table, place)?;
    }
    Ok(())
}

fn settle_inode(inode: &mut [u8], epoch: Epoch) -> io::Result<()> {
    let (modified, extra) = (number(inode, MODIFIED)?, number(inode, MODIFIED_EXTRA)?);
    // The lowest two bits are 1 from 2038 to 2106; above them are the nanoseconds.
    let after_2038 = epoch.seconds() >> 31;
    let fields =
        [(ACCESSED, modified), (ACCESSED_EXTRA, extra), (CHANGED, epoch.seconds()), (CHANGED_EXTRA, after_2038)];
    for (offset, value) in fields {
        let field = inode.get_mut(offset..).and_then(<[u8]>::first_chunk_mut).ok_or_else(damaged)?;
        *field = value.to_le_bytes();
    }
    Ok(())
}

fn number(bytes: &[u8], offset: usize) -> io::Result<u32> {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes)).ok_or_else(damaged)
}

fn half(bytes: &[u8], offset: usize) -> io::Result<u16> {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_le_bytes(*bytes)).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not a file system of the kind that was to be made")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// mke2fs makes the image, and debugfs and e2fsck are the judges.
    #[test]
    fn a_file_has_no_time_of_the_build() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, image) = (folder.path().join("tree"), folder.path().join("image"));
        fs::create_dir_all(tree.join("folder")).unwrap();
        fs::write(tree.join("folder/file"), "x").unwrap();
        std::os::unix::fs::symlink("x", tree.join("link")).unwrap();
        run(Command::new("touch")
            .args(["-h", "-d", "2001-09-09 01:46:40 UTC", "link", "folder/file"])
            .current_dir(&tree));
        run(Command::new("touch").args(["-a", "-d", "2002-01-01", "folder/file"]).current_dir(&tree));
        File::create(&image).unwrap().set_len(200 << 20).unwrap();
        let options = ["-q", "-F", "-t", "ext4", "-I", "256", "-O", "^metadata_csum,^64bit,^orphan_file", "-d"];
        run(Command::new("mke2fs").args(options).arg(&tree).arg(&image));
        let epoch = Epoch::from_seconds(1_700_000_000).unwrap();
        settle(&File::options().read(true).write(true).open(&image).unwrap(), epoch).unwrap();
        run(Command::new("e2fsck").arg("-fn").arg(&image));
        // 1700000000 and 1000000000 in hexadecimal digits.
        for (file, modified) in [("folder/file", Some("3b9aca00")), ("link", Some("3b9aca00")), ("folder", None)] {
            let [changed, accessed, found] = ["ctime", "atime", "mtime"].map(|name| time(&image, file, name));
            assert_eq!(changed, "6553f100:00000000", "{file}");
            assert_eq!(accessed, found, "{file}");
            assert!(modified.is_none_or(|modified| found.starts_with(modified)), "{file}: {found}");
        }
    }

    #[test]
    fn something_else_is_refused() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert!(settle(&file, Epoch::from_seconds(1).unwrap()).is_err());
    }

    fn time(image: &Path, file: &str, name: &str) -> String {
        let said = run(Command::new("debugfs").args(["-R", &format!("stat /{file}")]).arg(image));
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix(':'));
        line.unwrap_or_else(|| panic!("{said}")).split_whitespace().next().unwrap().trim_start_matches("0x").to_owned()
    }

    fn run(command: &mut Command) -> String {
        let output = command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
