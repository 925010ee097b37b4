//! Reads an image file once, from its first byte to its last. It takes the digest on the way, shows the progress, and keeps
//! an error of the disk, which the network or the decompressor would otherwise report as one of theirs.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::progress::{Progress, Reporter};

/// A file that is being read.
pub(super) struct ImageReader {
    file: File,
    /// How far it has been read, in bytes.
    position: u64,
    length: u64,
    hasher: HashingWriter<io::Sink>,
    disk_error: Option<io::Error>,
    progress: Progress,
}

impl ImageReader {
    /// Reads the first `length` bytes of a file. `what` is what the user sees beside the progress: "uploading".
    pub fn new(file: File, length: u64, what: &str, reporter: Reporter) -> Self {
        let hasher = HashingWriter::new(io::sink());
        Self { file, position: 0, length, hasher, disk_error: None, progress: reporter.bytes(what, length) }
    }

    /// How many bytes it reads in all.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The error of the disk that ended the reading, if one did.
    pub fn take_disk_error(&mut self) -> Option<io::Error> {
        self.disk_error.take()
    }

    /// The digest of what was read, and its length in bytes.
    pub fn finish(self) -> (Sha256, u64) {
        let (_, sha256, length) = self.hasher.finish();
        (sha256, length)
    }

    fn read_file(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..rest).unwrap_or_default();
        match self.file.read_at(buffer, self.position)? {
            0 if rest > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

impl Read for ImageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        let count = match self.read_file(buffer) {
            Ok(count) => count,
            Err(error) => {
                let kind = error.kind();
                self.disk_error = Some(error);
                return Err(kind.into());
            }
        };
        self.hasher.write_all(buffer.get(..count).unwrap_or_default())?;
        self.position = self.position.saturating_add(count as u64);
        self.progress.advance(count as u64);
        Ok(count)
    }
}
