//! What is looked at before Linode is asked for anything: label, region and tags by the API's rules, and the image,
//! every byte of it. Linode takes an image that is damaged, too large or of the wrong kind without a word, and then it
//! never appears or never boots.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::content::Content;
use crate::disk::limits::{self, LimitError};
use crate::disk::superblock::{self, ImageContent};
use crate::linode::error::Class;
use crate::system::hash::Sha256;
use crate::system::interrupt;

/// The longest label, in characters.
const LONGEST_LABEL: usize = 50;
/// The shortest and the longest tag, in characters.
const TAG: std::ops::RangeInclusive<usize> = 3..=100;
/// The first bytes of a gzip member (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why an image is not uploaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CheckError {
    /// The label.
    #[error("`{0}` cannot be an image's label: 1 to 50 letters, digits, spaces and characters of `,.?-_'` can")]
    #[diagnostic(help("choose another with --label"))]
    Label(String),
    /// The region's form.
    #[error("`{0}` is no region: a region is lower-case letters, digits and hyphens, like us-east")]
    #[diagnostic(help("choose one with --region; https://api.linode.com/v4/regions lists them"))]
    Region(String),
    /// A tag.
    #[error("`{0}` cannot be a tag: 3 to 100 characters that can be printed, without a comma, can")]
    #[diagnostic(help("change that --tag"))]
    Tag(String),
    /// The file.
    #[error("cannot read the image {path}: {source}")]
    #[diagnostic(help("`stackdeb image` builds one: dist/NAME-VERSION-linode.img.gz"))]
    Read {
        /// The image.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something else.
    #[error("{0} is not compressed with gzip, and Linode takes nothing else")]
    #[diagnostic(help("`stackdeb image` builds a compressed image: dist/NAME-VERSION-linode.img.gz"))]
    NotGzip(PathBuf),
    /// It ends early, a checksum is wrong, or something follows it.
    #[error("the image {path} is damaged after {raw_bytes} decompressed bytes: {source}")]
    #[diagnostic(help("`gzip -t` says the same; copy it again, or build it again with `stackdeb image`"))]
    Damaged {
        /// The image.
        path: PathBuf,
        /// How much of it could be decompressed.
        raw_bytes: u64,
        /// What the decompressor said.
        #[source]
        source: io::Error,
    },
    /// The compressed size.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Limit(#[from] LimitError),
    /// The decompressed size, of which no more was looked at.
    #[error("the image {0} is more than the 6 GiB that Linode accepts when it is decompressed")]
    #[diagnostic(help(
        "set [image] free-space in stack.toml to less (the file system grows to the disk at first boot), or take \
         packages out of [image] packages"
    ))]
    TooLarge(PathBuf),
    /// A disk with partitions.
    #[error("the image {0} has a partition table, which Linode's helpers and its kernel cannot use")]
    #[diagnostic(help(
        "an image for Linode is one ext4 file system from its first byte on, as `stackdeb image` makes it"
    ))]
    Partitioned(PathBuf),
    /// No file system, or another one.
    #[error("the image {path} holds no ext4 file system: {found}")]
    #[diagnostic(help(
        "an image for Linode is one ext4 file system from its first byte on, as `stackdeb image` makes it"
    ))]
    NotExt4 {
        /// The image.
        path: PathBuf,
        /// What it holds.
        found: &'static str,
    },
    /// One that Linode's helpers do not support.
    #[error("the image {path} has the ext4 feature {feature}, which Linode does not support")]
    #[diagnostic(help(
        "make it with `mke2fs -t ext4 -O ^metadata_csum,^metadata_csum_seed,^orphan_file`, or with `stackdeb image`"
    ))]
    Feature {
        /// The image.
        path: PathBuf,
        /// As mke2fs(8) names it.
        feature: &'static str,
    },
    /// The end is missing.
    #[error("the image {path} has {found} bytes, but its file system needs {expected}")]
    #[diagnostic(help("it was cut off before it was compressed: build it again"))]
    CutOff {
        /// The image.
        path: PathBuf,
        /// What its superblock says.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

impl CheckError {
    /// The kind of trouble.
    pub fn class(&self) -> Class {
        Class::Input
    }
}

/// An image that Linode can take. Its file stays open: what was looked at is what will be sent, whatever takes its
/// name.
#[derive(Debug)]
pub struct CheckedImage {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub file: File,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The decompressed image's size in bytes, counted.
    pub raw_bytes: u64,
    /// The digest of the file.
    pub sha256: Sha256,
}

impl CheckedImage {
    /// The file's own name.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What the image is to be called, and where it is sent. Made by [`Request::new`] alone, so it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    label: String,
    region: String,
    tags: Vec<String>,
}

impl Request {
    /// Checks what the user asks for, by the API's rules.
    ///
    /// # Errors
    /// Which of the three is not valid.
    pub fn new(label: &str, region: &str, tags: &[String]) -> Result<Self, CheckError> {
        if !(1..=LONGEST_LABEL).contains(&label.chars().count()) || !label.chars().all(is_of_label) {
            return Err(CheckError::Label(label.to_owned()));
        }
        let is_of_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.starts_with(|first: char| first.is_ascii_lowercase()) || !region.bytes().all(is_of_region) {
            return Err(CheckError::Region(region.to_owned()));
        }
        let is_tag = |tag: &&String| {
            TAG.contains(&tag.chars().count())
                && tag.trim() == **tag
                && !tag.contains(|c: char| c == ',' || c.is_control())
        };
        if let Some(wrong) = tags.iter().find(|tag| !is_tag(tag)) {
            return Err(CheckError::Tag(wrong.clone()));
        }
        Ok(Self { label: label.to_owned(), region: region.to_owned(), tags: tags.to_vec() })
    }

    /// Its name in the account.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where it is sent.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Its tags.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }
}

/// The label of an image that was given none: its file's name, without what cannot stand in a label.
pub fn default_label(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".img.gz").unwrap_or(&name);
    name.chars().map(|c| if is_of_label(c) { c } else { '-' }).take(LONGEST_LABEL).collect()
}

/// Linode's Cloud Manager holds labels to this; other characters have been refused as "special".
fn is_of_label(character: char) -> bool {
    character.is_ascii_alphanumeric() || " ,.?-_'".contains(character)
}

/// Reads and decompresses the whole image.
///
/// # Errors
/// When it cannot be read, Linode would not take it, or the user interrupts.
pub fn check_image(path: &Path) -> Result<CheckedImage, CheckError> {
    let read_error = |source| CheckError::Read { path: path.to_owned(), source };
    let open = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((file, metadata.len())) } else { Err(io::Error::other("it is no plain file")) }
    };
    let (file, bytes) = open().map_err(read_error)?;
    limits::check_compressed(bytes)?;

    let mut begin = [0; 2];
    let count = file.read_at(&mut begin, 0).map_err(read_error)?;
    if begin.get(..count) != Some(&GZIP_MAGIC) {
        return Err(CheckError::NotGzip(path.to_owned()));
    }
    let mut content = Content::new(file.try_clone().map_err(read_error)?, bytes, "checking the image");
    let decompressed = decompress(&mut content);
    interrupt_check()?;
    if let Some(source) = content.take_error() {
        return Err(read_error(source));
    }
    let (head, raw_bytes) = match decompressed {
        Ok((head, size)) if size <= limits::RAW => (head, size),
        Ok(_) => return Err(CheckError::TooLarge(path.to_owned())),
        Err((source, raw_bytes)) => return Err(CheckError::Damaged { path: path.to_owned(), raw_bytes, source }),
    };
    check_file_system(path, &head, raw_bytes)?;
    let (sha256, bytes) = content.finish();
    Ok(CheckedImage { path: path.to_owned(), file, bytes, raw_bytes, sha256 })
}

/// The first bytes of what `source` holds, and its size in bytes; stops when it is over the limit. The error comes with
/// how far it came.
fn decompress(source: &mut Content) -> Result<(Vec<u8>, u64), (io::Error, u64)> {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(256 * 1024, source));
    let mut buffer = vec![0; 256 * 1024];
    let (mut head, mut size) = (Vec::with_capacity(superblock::HEAD), 0);
    while size <= limits::RAW {
        interrupt::check().map_err(|error| (error, size))?;
        let count = decoder.read(&mut buffer).map_err(|error| (error, size))?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        head.extend(piece.iter().take(superblock::HEAD.saturating_sub(head.len())));
        size += count as u64;
    }
    Ok((head, size))
}

/// Refuses anything but one ext4 file system that is whole, without what Linode's helpers do not support. `head` is the
/// beginning of the decompressed image, `size` its length in bytes.
fn check_file_system(path: &Path, head: &[u8], size: u64) -> Result<(), CheckError> {
    let path = || path.to_owned();
    let superblock = match superblock::identify(head) {
        ImageContent::FileSystem(superblock) => superblock,
        ImageContent::PartitionTable => return Err(CheckError::Partitioned(path())),
        ImageContent::Unknown => {
            return Err(CheckError::NotExt4 { path: path(), found: "there is no superblock in its place" });
        }
    };
    if let Some(found) = superblock.other_than_ext4() {
        return Err(CheckError::NotExt4 { path: path(), found });
    }
    if let Some(feature) = superblock.feature_that_linode_lacks() {
        return Err(CheckError::Feature { path: path(), feature });
    }
    let expected = superblock.bytes();
    if expected > size { Err(CheckError::CutOff { path: path(), expected, found: size }) } else { Ok(()) }
}

fn interrupt_check() -> Result<(), interrupt::Interrupted> {
    if interrupt::requested() { Err(interrupt::Interrupted) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_regions_and_tags_are_the_api_s() {
        let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
        let request = Request::new("stack 1.0", "us-east", &tags(&["web", &"t".repeat(100)])).unwrap();
        assert_eq!((request.label(), request.region(), request.tags().len()), ("stack 1.0", "us-east", 2));
        for label in ["", "a/b", "a\nb", "stück", &"x".repeat(51)] {
            assert!(matches!(Request::new(label, "us-east", &[]), Err(CheckError::Label(_))), "{label}");
        }
        for region in ["", "US-east", "us east", "-us", "us/../x", "us-east?x"] {
            assert!(matches!(Request::new("x", region, &[]), Err(CheckError::Region(_))), "{region}");
        }
        for tag in ["", "ab", "a,b", " abc", "a\tb", &"t".repeat(101)] {
            assert!(matches!(Request::new("x", "us-east", &tags(&["web", tag])), Err(CheckError::Tag(_))), "{tag}");
        }
    }

    #[test]
    fn a_file_s_name_makes_a_label() {
        for (path, label) in [
            ("dist/stack-1.0.0-linode.img.gz", "stack-1.0.0-linode".to_owned()),
            ("stack-1.0~rc1+dfsg-linode.img.gz", "stack-1.0-rc1-dfsg-linode".to_owned()),
            (&format!("{}.img.gz", "x".repeat(80)), "x".repeat(50)),
        ] {
            assert_eq!(default_label(Path::new(path)), label);
            assert!(Request::new(&label, "us-east", &[]).is_ok());
        }
    }
}
