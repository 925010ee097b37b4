//! A file of an upload, with the three digests that the formats ask for. MD5 and SHA-1 are not safe any more: readers compare
//! the SHA-256 as well.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sequoia_openpgp::types::HashAlgorithm;

use crate::system::hash::Sha256;
use crate::system::interrupt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// Without a folder: all files of an upload are in one.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// In hexadecimal digits, as the following one.
    pub md5: String,
    pub sha1: String,
    pub sha256: Sha256,
}

impl UploadedFile {
    /// Reads a file twice.
    ///
    /// # Errors
    /// When it cannot be read, or the user interrupts.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (sha256, size) = Sha256::of_file(path)?;
        let mut md5 = md5::Context::new();
        let mut sha1 = HashAlgorithm::SHA1.context().map_err(io::Error::other)?.for_digest();
        let (mut file, mut buffer) = (File::open(path)?, vec![0; 256 * 1024]);
        loop {
            interrupt::check()?;
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            md5.consume(bytes);
            sha1.update(bytes);
        }
        let sha1 = sha1.into_digest().map_err(io::Error::other)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sha1 = sha1.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name, size, md5: format!("{:x}", md5.finalize()), sha1, sha256 })
    }
}
