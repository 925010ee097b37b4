//! Reads and decompresses a whole image file before Linode is asked for anything: a path → a
//! [`CheckedImage`]. Linode accepts an image that is damaged, too large or of the wrong kind without an
//! error, and then it never appears or never boots.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::reader::ImageReader;
use crate::disk::superblock::{self, ImageContent};
use crate::disk::{gzip, limits};
use crate::linode::error::LinodeError;
use crate::system::hash::Sha256;
use crate::system::interrupt::{self, Interrupted};
use crate::system::progress::Reporter;

/// How many bytes are read or decompressed at once.
const PIECE: usize = 256 * 1024;

/// The help for a file that has not the form of an image.
const FORM: &str = "an image for Linode is one ext4 file system from its first byte on, compressed with gzip; `stackdeb \
                    image` builds one: dist/NAME-VERSION-linode.img.gz";

/// An image that Linode can use. Its file stays open, so that the bytes that were checked are those that are sent, even
/// if another file gets its name.
#[derive(Debug)]
pub struct CheckedImage {
    pub path: PathBuf,
    pub file: File,
    /// The size of the file.
    pub bytes: u64,
    /// The size of the decompressed image.
    pub raw_bytes: u64,
    /// The digest of the file.
    pub sha256: Sha256,
}

impl CheckedImage {
    /// The last part of the path.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Reads and decompresses the whole image.
///
/// # Errors
/// When the file cannot be read, Linode could not use it, or the user interrupts.
pub fn check_image(path: &Path, reporter: Reporter) -> Result<CheckedImage, LinodeError> {
    let read_error = |source| read_error(path, source);
    let bad =
        |problem: &str, help| Err(LinodeError::BadImage { path: path.to_owned(), problem: problem.to_owned(), help });
    let (file, bytes) = open(path).map_err(read_error)?;
    limits::check_compressed(bytes)?;

    let mut begin = [0; 2];
    let count = file.read_at(&mut begin, 0).map_err(read_error)?;
    if begin.get(..count) != Some(&gzip::MAGIC) {
        return bad("is not compressed with gzip, and Linode accepts nothing else", FORM);
    }
    let mut reader = ImageReader::new(file.try_clone().map_err(read_error)?, bytes, "checking the image", reporter);
    let decompressed = decompress(&mut reader);
    if interrupt::requested() {
        return Err(Interrupted.into());
    }
    if let Some(source) = reader.take_disk_error() {
        return Err(read_error(source));
    }
    let (head, raw_bytes) = match decompressed {
        Ok((head, size)) if size <= limits::RAW => (head, size),
        Ok(_) => {
            return bad(
                &format!("is more than the {} GiB that Linode accepts when it is decompressed", limits::RAW >> 30),
                "set [image] free-space in stack.toml to less (the file system grows to the disk at first boot), or take \
                 packages out of [image] packages",
            );
        }
        Err((source, raw_bytes)) => return Err(LinodeError::DamagedImage { path: path.to_owned(), raw_bytes, source }),
    };
    if let Err((problem, help)) = check_file_system(&head, raw_bytes) {
        return bad(&problem, help);
    }
    let (sha256, bytes) = reader.finish();
    Ok(CheckedImage { path: path.to_owned(), file, bytes, raw_bytes, sha256 })
}

/// Opens a plain file, and returns its size in bytes as well.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(io::Error::other("it is not a plain file")) }
}

/// Why the image file could not be read.
pub(super) fn read_error(path: &Path, source: io::Error) -> LinodeError {
    let help = "`stackdeb image` builds one: dist/NAME-VERSION-linode.img.gz";
    LinodeError::Read { what: "the image", path: path.to_owned(), source, help }
}

/// Decompresses to the end, or until the size is over Linode's limit. Returns the first bytes, enough for
/// [`superblock::identify`], and the size in bytes; an error comes with the size up to it.
fn decompress(reader: &mut ImageReader) -> Result<(Vec<u8>, u64), (io::Error, u64)> {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(PIECE, reader));
    let mut buffer = vec![0; PIECE];
    let (mut head, mut size) = (Vec::with_capacity(superblock::HEAD), 0_u64);
    while size <= limits::RAW {
        interrupt::check().map_err(|error| (error, size))?;
        let count = decoder.read(&mut buffer).map_err(|error| (error, size))?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        head.extend(piece.iter().take(superblock::HEAD.saturating_sub(head.len())));
        size = size.saturating_add(count as u64);
    }
    Ok((head, size))
}

/// Checks that an image of `size` bytes that begins with `head` is one whole ext4 file system, without what Linode's
/// helpers do not support. An error is a phrase that follows the image's name, and a help.
fn check_file_system(head: &[u8], size: u64) -> Result<(), (String, &'static str)> {
    let superblock = match superblock::identify(head) {
        ImageContent::FileSystem(superblock) => superblock,
        ImageContent::PartitionTable => {
            return Err((superblock::HAS_PARTITIONS.to_owned(), FORM));
        }
        ImageContent::Unknown => return Err(("holds no ext4 file system: it has no superblock".to_owned(), FORM)),
    };
    if let Some(found) = superblock.other_than_ext4() {
        return Err((format!("holds no ext4 file system: it is {found}"), FORM));
    }
    if let Some(feature) = superblock.feature_that_linode_lacks() {
        return Err((
            format!("has the ext4 feature {feature}, which Linode does not support"),
            "make it with `mke2fs -t ext4 -O ^metadata_csum,^metadata_csum_seed,^orphan_file`, or with `stackdeb image`",
        ));
    }
    match superblock.bytes() {
        expected if expected > size => Err((
            format!("has {size} bytes, but its file system needs {expected}"),
            "it was cut off before it was compressed: build it again",
        )),
        _ => Ok(()),
    }
}
