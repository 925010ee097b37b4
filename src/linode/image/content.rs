//! A file that is read once, from its first byte to its last, wherever it goes: with its digest taken on the way, its
//! progress shown, and an error of the disk kept apart from whatever the reader makes of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::progress::{Progress, Reporter};

/// A file on its way.
pub(super) struct Content {
    file: File,
    read: u64,
    length: u64,
    hasher: HashingWriter<io::Sink>,
    failed: Option<io::Error>,
    progress: Progress,
}

impl Content {
    /// The first `length` bytes of a file. `what` is done with them, for whoever watches.
    pub fn new(file: File, length: u64, what: &str) -> Self {
        let hasher = HashingWriter::new(io::sink());
        Self { file, read: 0, length, hasher, failed: None, progress: Reporter::Stderr.bytes(what, length) }
    }

    /// How long it is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// An error of the disk, which would else look like one of the network or of the file's format.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// The digest of what was read, and how much that was, in bytes.
    pub fn finish(self) -> (Sha256, u64) {
        let (_, sha256, length) = self.hasher.finish();
        (sha256, length)
    }

    fn next(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length - self.read).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..rest).unwrap_or_default();
        match self.file.read_at(buffer, self.read)? {
            0 if rest > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        let count = match self.next(buffer) {
            Ok(count) => count,
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                return Err(kind.into());
            }
        };
        self.hasher.write_all(buffer.get(..count).unwrap_or_default())?;
        self.read += count as u64;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
