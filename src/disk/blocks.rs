//! A raw image → its blocks, in their order. Most of an image is free space, and nearly all of that is holes of the file, which
//! are not read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use crate::system::interrupt;

/// The size of a block of the image, in bytes.
pub const BLOCK: usize = 1024 * 1024;

/// A block of an image.
pub enum Block {
    /// A whole block of zeros.
    Zeros,
    /// Anything else. Only the last block may be shorter than the others.
    Data(Vec<u8>),
}

/// The blocks of a file that are still to come.
pub struct Blocks<'a> {
    file: &'a File,
    length: u64,
    /// Where the next block begins.
    position: u64,
    /// What is between the position and here is zeros.
    data: u64,
}

impl<'a> Blocks<'a> {
    /// All blocks of the first `length` bytes of a file, which has so many.
    pub fn of(file: &'a File, length: u64) -> Self {
        Self { file, length, position: 0, data: 0 }
    }

    fn read(&mut self) -> io::Result<Block> {
        interrupt::check()?;
        let size = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(BLOCK).min(BLOCK);
        let end = self.position.saturating_add(size as u64);
        if self.data < end {
            self.data = self.next_data();
        }
        if self.data >= end && size == BLOCK {
            self.position = end;
            return Ok(Block::Zeros);
        }
        let mut block = vec![0; size];
        self.file.read_exact_at(&mut block, self.position)?;
        self.position = end;
        Ok(if size == BLOCK && is_zero(&block) { Block::Zeros } else { Block::Data(block) })
    }

    /// Where the next data are, here or behind. A file system that does not say it has data everywhere (lseek(2), `SEEK_DATA`).
    fn next_data(&self) -> u64 {
        let Ok(from) = i64::try_from(self.position) else { return self.position };
        match lseek(self.file, from, Whence::SeekData) {
            Ok(found) => u64::try_from(found).unwrap_or(self.position),
            Err(Errno::ENXIO) => self.length,
            Err(_) => self.position,
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.position < self.length).then(|| self.read())
    }
}

/// Whether all bytes are zero. It checks 4096 bytes at a time, which the compiler turns into vector code, and stops at
/// the first that are not.
fn is_zero(block: &[u8]) -> bool {
    block.chunks(4096).all(|page| page.iter().fold(0, |all, &byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom};

    #[test]
    fn holes_and_zeros_are_the_same() {
        let (block, mut file) = (BLOCK as u64, tempfile::tempfile().unwrap());
        let mut content = vec![0; 7 * BLOCK + 9];
        // Inside a block, over the border of two, zeros that are written, and nothing at the end.
        for (at, bytes) in [(block + 7, &b"one"[..]), (3 * block - 2, b"two"), (5 * block, &vec![0; BLOCK])] {
            file.write_all_at(bytes, at).unwrap();
            content[usize::try_from(at).unwrap()..][..bytes.len()].copy_from_slice(bytes);
        }
        file.set_len(content.len() as u64).unwrap();
        // The file's own position does not matter.
        file.seek(SeekFrom::End(0)).unwrap();
        let blocks: Vec<Block> = Blocks::of(&file, content.len() as u64).map(Result::unwrap).collect();
        let kinds: Vec<Option<usize>> = blocks
            .iter()
            .map(|block| match block {
                Block::Zeros => None,
                Block::Data(bytes) => Some(bytes.len()),
            })
            .collect();
        assert_eq!(kinds, [None, Some(BLOCK), Some(BLOCK), Some(BLOCK), None, None, None, Some(9)]);
        let bytes = |block| match block {
            Block::Zeros => vec![0; BLOCK],
            Block::Data(bytes) => bytes,
        };
        assert!(blocks.into_iter().flat_map(bytes).eq(content));
    }
}
