//! The machine's disks. They are files without a name, so nothing of them remains however the program ends. The root disk
//! begins as a copy of the image, which is never written to. The swap disk is formatted as Linode's is.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::disk::gzip;
use crate::disk::superblock::{self, ImageContent};
use crate::system::interrupt;

const PIECE: usize = 64 * 1024;
const PAGE: u64 = 4096;

/// Why a disk of the machine cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ScratchError {
    /// The image cannot be opened.
    #[error("cannot open the image {path}: {source}")]
    #[diagnostic(help("`stackdeb image` builds it; or name another image, as IMAGE.img.gz or IMAGE.img"))]
    Open {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The image ends early or is damaged.
    #[error("cannot read the image {path}: {source}")]
    #[diagnostic(help("`gzip -t` tells whether it is whole; `stackdeb image` builds it again"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The file is a disk with partitions.
    #[error("the image {0} {fault}", fault = superblock::HAS_PARTITIONS)]
    #[diagnostic(help(
        "an image for Linode is one ext4 file system from its first byte on, as `stackdeb image` makes it"
    ))]
    Partitioned(String),
    /// The file holds no ext4 file system.
    #[error("{0} is not a disk image: it holds no ext4 file system, neither plain nor compressed with gzip")]
    #[diagnostic(help("name an image that `stackdeb image` made: dist/NAME-VERSION-linode.img.gz"))]
    NotExt4(String),
    /// The image is bigger than the machine's disk.
    #[error("the image {path} is {image_mib} MiB long, but the machine's disk has only {disk_mib} MiB")]
    #[diagnostic(help("leave more out of the image: the machine has the disk of Linode's smallest"))]
    TooBig { path: String, image_mib: u64, disk_mib: u64 },
    /// The disk cannot be written; most likely there is no room.
    #[error("cannot write the machine's disk in {folder}: {source}")]
    #[diagnostic(help(
        "the disk needs as much room as the image's contents; set XDG_CACHE_HOME to a folder with more room"
    ))]
    Write {
        folder: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Interrupted(io::Error),
}

/// Makes a disk of `size` bytes that begins with the image's contents, in an unnamed file in `folder`. Pages of zeros take up
/// no room. An image that is compressed with gzip may have several members.
///
/// # Errors
/// When the image cannot be read, is not a bare ext4 file system or is bigger than the disk; when there is no room; when
/// the user interrupts.
pub fn root_disk(image: &Path, size: u64, folder: &Path) -> Result<File, ScratchError> {
    let path = || image.display().to_string();
    let open = |source| ScratchError::Open { path: path(), source };
    let read = |source| ScratchError::Read { path: path(), source };
    let write = |source| ScratchError::Write { folder: folder.display().to_string(), source };

    let mut file = File::open(image).map_err(open)?;
    let mut magic = [0; 2];
    let compressed = file.read_exact(&mut magic).is_ok() && magic == gzip::MAGIC;
    file.seek(SeekFrom::Start(0)).map_err(read)?;
    let mut source: Box<dyn Read> =
        if compressed { Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, file))) } else { Box::new(file) };

    let mut disk = tempfile::tempfile_in(folder).map_err(write)?;
    let mut buffer = vec![0; PIECE];
    let mut length = 0;
    loop {
        interrupt::check().map_err(ScratchError::Interrupted)?;
        let count = read_full(&mut source, &mut buffer).map_err(read)?;
        let piece = buffer.get(..count).unwrap_or_default();
        if length == 0 {
            check_file_system(piece, image)?;
        }
        if piece.iter().any(|byte| *byte != 0) {
            disk.seek(SeekFrom::Start(length)).and_then(|_| disk.write_all(piece)).map_err(write)?;
        }
        length = length.saturating_add(count as u64);
        if count < PIECE {
            break;
        }
    }
    if length > size {
        return Err(ScratchError::TooBig { path: path(), image_mib: length >> 20, disk_mib: size >> 20 });
    }
    disk.set_len(size).map_err(write)?;
    Ok(disk)
}

fn check_file_system(start: &[u8], image: &Path) -> Result<(), ScratchError> {
    let path = || image.display().to_string();
    match superblock::identify(start) {
        ImageContent::FileSystem(_) => Ok(()),
        ImageContent::PartitionTable => Err(ScratchError::Partitioned(path())),
        ImageContent::Unknown => Err(ScratchError::NotExt4(path())),
    }
}

/// Fills the buffer; reads less only at the end of the source.
fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Makes a swap disk of `size` bytes as mkswap(8) does, in an unnamed file in `folder`.
///
/// # Errors
/// When there is no room.
pub fn swap_disk(size: u64, folder: &Path) -> Result<File, ScratchError> {
    let make = || {
        let disk = tempfile::tempfile_in(folder)?;
        disk.set_len(size)?;
        disk.write_all_at(&swap_header(size), 0)?;
        Ok(disk)
    };
    make().map_err(|source| ScratchError::Write { folder: folder.display().to_string(), source })
}

/// The first page of swap space (Linux, `include/linux/swap.h`, `union swap_header`): version 1, the number of the last
/// page, no bad pages, a UUID; at its end the signature.
fn swap_header(size: u64) -> [u8; PAGE as usize] {
    let last_page = u32::try_from((size / PAGE).saturating_sub(1)).unwrap_or(u32::MAX);
    // Any UUID will do: the machine has no other swap disk. This one has version 8, which is for own use (RFC 9562).
    let uuid = *b"stackd\x8eb\x80-swap-1";
    let mut page = [0; PAGE as usize];
    let fields: [(usize, &[u8]); 4] =
        [(1024, &1_u32.to_le_bytes()), (1028, &last_page.to_le_bytes()), (1036, &uuid), (4086, b"SWAPSPACE2")];
    for (offset, bytes) in fields {
        page.iter_mut().skip(offset).zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
    page
}
