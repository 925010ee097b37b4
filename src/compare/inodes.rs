//! What ext4 keeps about a file and the reader of the file system does not say: the number of its inode, by which its other
//! names are found, its extended attributes, and the numbers of a device. The layout is that of the Linux kernel's
//! `Documentation/filesystems/ext4`. What is read may be damaged or hostile: each place and length is checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The inode of the root folder.
pub(super) const ROOT: u32 = 2;

/// The offset of the superblock, and how many bytes of it are read.
const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 1024;
/// Features with which this reader would not find what it looks for: a journal that has to be replayed first, groups at other
/// places, and files inside their inodes.
const RECOVER: u32 = 0x4;
const META_BG: u32 = 0x10;
const INLINE_DATA: u32 = 0x8000;
const LARGE_DESCRIPTORS: u32 = 0x80;

/// The flag of an inode whose data is found by extents.
const EXTENTS: u32 = 0x8_0000;
const EXTENT_MAGIC: u16 = 0xf30a;
/// How deep the tree of extents can be.
const DEEPEST: u16 = 5;
const ATTRIBUTES_MAGIC: u32 = 0xea02_0000;
/// The longest attribute, in bytes: `XATTR_SIZE_MAX` in linux/limits.h.
const LONGEST_ATTRIBUTE: u64 = 65536;
/// The longest folder that is read, in bytes.
const LONGEST_FOLDER: u64 = 1 << 28;

/// Where the inodes of an ext4 image are, by its superblock and group descriptors. It reads the file, and mounts
/// nothing.
pub(super) struct Inodes {
    image: File,
    block_bytes: u64,
    inode_bytes: u64,
    per_group: u32,
    /// Where the inodes of each group begin, in bytes.
    tables: Vec<u64>,
}

/// What `debugfs` does not list and a user sees: links, devices, extended attributes.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// How many names the file has.
    pub links: u16,
    /// The major and the minor number, if it is a device.
    pub device: (u32, u32),
    pub attributes: BTreeMap<String, Vec<u8>>,
}

impl Inodes {
    /// `None` if this reader does not know the form of the file system.
    ///
    /// # Errors
    /// When the image cannot be read, or is damaged.
    pub fn open(image: File) -> io::Result<Option<Self>> {
        let mut head = vec![0; SUPERBLOCK_BYTES];
        image.read_exact_at(&mut head, SUPERBLOCK)?;
        let features = number(&head, 0x60)?;
        if features & (RECOVER | META_BG | INLINE_DATA) != 0 {
            return Ok(None);
        }
        let block_bytes =
            1024_u64.checked_shl(number(&head, 0x18)?).filter(|size| *size <= 65536).ok_or_else(damaged)?;
        let (inodes, per_group) = (number(&head, 0x0)?, number(&head, 0x28)?);
        let inode_bytes = u64::from(half(&head, 0x58)?);
        let descriptor = if features & LARGE_DESCRIPTORS == 0 { 32 } else { usize::from(half(&head, 0xfe)?) };
        if per_group == 0 || !(128..=block_bytes).contains(&inode_bytes) || descriptor < 32 {
            return Err(damaged());
        }
        let groups = usize::try_from(inodes.div_ceil(per_group)).map_err(io::Error::other)?;
        let bytes = groups.checked_mul(descriptor).filter(|bytes| *bytes <= 1 << 26).ok_or_else(damaged)?;
        let mut descriptors = vec![0; bytes];
        let first = u64::from(number(&head, 0x14)?).saturating_add(1).saturating_mul(block_bytes);
        image.read_exact_at(&mut descriptors, first)?;
        let table = |bytes: &[u8]| {
            let high = if descriptor < 64 { 0 } else { number(bytes, 0x28)? };
            Ok(wide(number(bytes, 0x8)?, high).saturating_mul(block_bytes))
        };
        let tables = descriptors.chunks_exact(descriptor).map(table).collect::<io::Result<_>>()?;
        Ok(Some(Self { image, block_bytes, inode_bytes, per_group, tables }))
    }

    /// The names in a folder, each with its inode.
    ///
    /// # Errors
    /// When it cannot be read or is damaged, or, of the kind `Unsupported`, when this reader does not know its form.
    pub fn folder(&self, inode: u32) -> io::Result<BTreeMap<Vec<u8>, u32>> {
        let mut names = BTreeMap::new();
        let content = self.content(inode, LONGEST_FOLDER)?;
        let block = usize::try_from(self.block_bytes).map_err(io::Error::other)?;
        for block in content.chunks(block) {
            let mut rest = block;
            while !rest.is_empty() {
                let (found, length) = (number(rest, 0)?, usize::from(half(rest, 4)?));
                // A block of 64 KiB has a length that does not fit.
                let length = if matches!(length, 0 | 65535) { rest.len() } else { length };
                let [_, _, _, _, _, _, name_bytes, _, name @ ..] = rest else { return Err(damaged()) };
                let name = name.get(..usize::from(*name_bytes)).ok_or_else(damaged)?;
                if found != 0 {
                    names.insert(name.to_vec(), found);
                }
                rest = rest.get(length.max(8)..).ok_or_else(damaged)?;
            }
        }
        Ok(names)
    }

    /// What an inode says about its file.
    ///
    /// # Errors
    /// As [`Inodes::folder`].
    pub fn details(&self, inode: u32) -> io::Result<Details> {
        let bytes = self.inode(inode)?;
        let mut attributes = BTreeMap::new();
        if bytes.len() > 132 {
            let after = usize::from(half(&bytes, 0x80)?).saturating_add(128);
            // The places of values count from behind the magic number.
            if let Some(inside) = bytes.get(after..).and_then(|bytes| bytes.split_first_chunk())
                && u32::from_le_bytes(*inside.0) == ATTRIBUTES_MAGIC
            {
                self.attributes(inside.1, inside.1, &mut attributes)?;
            }
        }
        let block = wide(number(&bytes, 0x68)?, u32::from(half(&bytes, 0x76)?));
        if block != 0 {
            let block = self.block(block)?;
            if number(&block, 0)? != ATTRIBUTES_MAGIC {
                return Err(damaged());
            }
            self.attributes(&block, block.get(32..).ok_or_else(damaged)?, &mut attributes)?;
        }
        let device = match (number(&bytes, 0x28)?, number(&bytes, 0x2c)?) {
            (0, new) => ((new & 0xf_ff00) >> 8, new & 0xff | new >> 12 & 0xf_ff00),
            (old, _) => (old >> 8 & 0xff, old & 0xff),
        };
        Ok(Details { links: half(&bytes, 0x1a)?, device, attributes })
    }

    /// Adds the attributes that `entries` describe, with values at places in `all`.
    fn attributes(&self, all: &[u8], entries: &[u8], found: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        let mut rest = entries;
        // Four zeros end the list.
        while let Some([name_bytes, prefix, ..]) = rest.get(..4).filter(|head| *head != [0; 4]) {
            let (place, inode, size) = (usize::from(half(rest, 2)?), number(rest, 4)?, number(rest, 8)?);
            let name_bytes = usize::from(*name_bytes);
            let name = rest.get(16..).and_then(|rest| rest.get(..name_bytes)).ok_or_else(damaged)?;
            let value = if inode == 0 {
                let size = usize::try_from(size).map_err(io::Error::other)?;
                all.get(place..).and_then(|rest| rest.get(..size)).ok_or_else(damaged)?.to_vec()
            } else {
                self.content(inode, LONGEST_ATTRIBUTE)?
            };
            found.insert(format!("{}{}", prefix_of(*prefix), String::from_utf8_lossy(name)), value);
            let length = name_bytes.saturating_add(16).next_multiple_of(4);
            rest = rest.get(length..).ok_or_else(damaged)?;
        }
        Ok(())
    }

    fn inode(&self, inode: u32) -> io::Result<Vec<u8>> {
        let index = inode.checked_sub(1).ok_or_else(damaged)?;
        let (group, place) = (index.checked_div(self.per_group), index.checked_rem(self.per_group));
        let group = usize::try_from(group.ok_or_else(damaged)?).map_err(io::Error::other)?;
        let table = self.tables.get(group).ok_or_else(damaged)?;
        let place = u64::from(place.ok_or_else(damaged)?).saturating_mul(self.inode_bytes);
        self.read(table.saturating_add(place), self.inode_bytes)
    }

    fn block(&self, block: u64) -> io::Result<Vec<u8>> {
        self.read(block.saturating_mul(self.block_bytes), self.block_bytes)
    }

    fn read(&self, place: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        self.image.read_exact_at(&mut buffer, place)?;
        Ok(buffer)
    }

    /// The data of a folder or of a long attribute, at most `longest` bytes.
    fn content(&self, inode: u32, longest: u64) -> io::Result<Vec<u8>> {
        let bytes = self.inode(inode)?;
        let size = wide(number(&bytes, 0x4)?, number(&bytes, 0x6c)?);
        if number(&bytes, 0x20)? & EXTENTS == 0 {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it is found by a map of blocks, as in ext3"));
        }
        if size > longest {
            return Err(damaged());
        }
        let mut content = Vec::new();
        let root = bytes.get(0x28..0x64).ok_or_else(damaged)?;
        self.extents(root, DEEPEST, size, &mut content)?;
        content.truncate(usize::try_from(size).map_err(io::Error::other)?);
        Ok(content)
    }

    /// Adds the blocks below a node of the tree of extents until there are `size` bytes. Each node below the root has to have some,
    /// so that no tree takes for ever.
    fn extents(&self, node: &[u8], deepest: u16, size: u64, content: &mut Vec<u8>) -> io::Result<()> {
        let (count, depth) = (usize::from(half(node, 2)?), half(node, 6)?);
        if half(node, 0)? != EXTENT_MAGIC || depth > deepest {
            return Err(damaged());
        }
        for entry in node.get(12..).unwrap_or_default().chunks_exact(12).take(count) {
            if depth > 0 {
                let (block, before) = (wide(number(entry, 4)?, u32::from(half(entry, 8)?)), content.len());
                if before as u64 >= size {
                    return Ok(());
                }
                self.extents(&self.block(block)?, depth.saturating_sub(1), size, content)?;
                if content.len() == before {
                    return Err(damaged());
                }
                continue;
            }
            let first = wide(number(entry, 8)?, u32::from(half(entry, 6)?));
            for block in (first..).take(usize::from(half(entry, 4)?)) {
                if content.len() as u64 >= size {
                    return Ok(());
                }
                content.extend(self.block(block)?);
            }
        }
        Ok(())
    }
}

/// What the name of an attribute begins with: the inode has a number in its place.
fn prefix_of(number: u8) -> String {
    let known = match number {
        0 => "",
        1 => "user.",
        2 => "system.posix_acl_access",
        3 => "system.posix_acl_default",
        4 => "trusted.",
        6 => "security.",
        7 => "system.",
        8 => "system.richacl",
        _ => return format!("{number}."),
    };
    known.to_owned()
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn number(bytes: &[u8], offset: usize) -> io::Result<u32> {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes)).ok_or_else(damaged)
}

fn half(bytes: &[u8], offset: usize) -> io::Result<u16> {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_le_bytes(*bytes)).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an inode, a folder or an extended attribute is damaged")
}
