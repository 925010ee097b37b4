//! SHA-256 digests of bytes, of files, and of what passes through a writer.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::Digest;

use super::interrupt;

/// A SHA-256 digest (FIPS 180-4), written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256, which has 64 hexadecimal digits")]
pub struct Sha256Error(String);

impl Sha256 {
    /// Hashes bytes that are in memory; see [`Sha256::of_file`] for files.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Hashes a file. Returns the digest and the length in bytes. Uses 256 KiB of memory, however long the file is.
    ///
    /// # Errors
    /// When the file cannot be read, or the user interrupts.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        let mut writer = HashingWriter::new(io::sink());
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            interrupt::check()?;
            match file.read(&mut buffer)? {
                0 => break,
                count => writer.write_all(buffer.get(..count).unwrap_or_default())?,
            }
        }
        let (_, digest, length) = writer.finish();
        Ok((digest, length))
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        let bad = || Sha256Error(text.to_owned());
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A writer that passes all bytes on to another writer, and hashes and counts them.
pub struct HashingWriter<W> {
    inner: W,
    hasher: sha2::Sha256,
    length: u64,
}

impl<W: Write> HashingWriter<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), length: 0 }
    }

    /// Returns the inner writer, and the digest and number of the bytes that were written to it.
    pub fn finish(self) -> (W, Sha256, u64) {
        (self.inner, Sha256(self.hasher.finalize().into()), self.length)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or(bytes));
        self.length = self.length.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-4's example: the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), expected);
        assert_eq!(expected.parse::<Sha256>().unwrap(), Sha256::of(b"abc"));
        assert!("ba78".parse::<Sha256>().is_err());
    }
}
