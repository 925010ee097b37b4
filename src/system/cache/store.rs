//! Results that the next build takes from the cache instead of making them again, such as a compressed block of an image. A
//! result is found by the digest of what it is made of and of this program, whose next version may make another: with and
//! without the cache, a build has the same bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::contents;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::program;

/// The length of the digest that a kept result begins with: 64 digits and a line break.
const DIGEST: usize = 65;

/// The results of one kind.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// On the same file system. A result is written there, and gets its name when it is complete.
    scratch: PathBuf,
    program: Sha256,
}

/// The name of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreKey(Sha256);

/// A result that is not what was kept.
#[derive(Debug, thiserror::Error)]
#[error("what was kept as {0} is damaged, so it is made again")]
pub struct Damaged(String);

impl Store {
    /// The results in `folder`, a folder of the cache. New ones are written in the folder `scratch` first, which has to be in
    /// the cache as well.
    ///
    /// # Errors
    /// When this program cannot be read.
    pub fn new(folder: PathBuf, scratch: PathBuf) -> io::Result<Self> {
        Ok(Self { folder, scratch, program: program::digest()? })
    }

    /// The name of what is made of `raw`.
    pub fn key(&self, raw: &[u8]) -> StoreKey {
        let mut hasher = HashingWriter::new(io::sink());
        // Writing to a sink cannot fail.
        let _ = hasher.write_all(self.program.to_string().as_bytes());
        let _ = hasher.write_all(raw);
        StoreKey(hasher.finish().1)
    }

    fn path(&self, key: StoreKey) -> PathBuf {
        self.folder.join(key.0.to_string())
    }

    /// The result of that name, if it is kept.
    ///
    /// # Errors
    /// When its content is damaged. It is removed then.
    pub fn find(&self, key: StoreKey) -> Result<Option<Vec<u8>>, Damaged> {
        let path = self.path(key);
        let Ok(mut file) = File::open(&path) else { return Ok(None) };
        let Some(result) = read(&mut file) else {
            let _ = fs::remove_file(&path);
            return Err(Damaged(path.display().to_string()));
        };
        contents::note_use_of(&file);
        Ok(Some(result))
    }

    /// Keeps a result, without waiting for the disk: [`Store::find`] notices what a power cut damages.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, key: StoreKey, result: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.scratch)?;
        file.write_all(line(result).as_bytes())?;
        file.write_all(result)?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The result in a file, if it is what was kept.
fn read(file: &mut File) -> Option<Vec<u8>> {
    let mut digest = [0; DIGEST];
    file.read_exact(&mut digest).ok()?;
    let length = file.metadata().ok()?.len();
    let mut result = Vec::with_capacity(usize::try_from(length).ok()?);
    file.read_to_end(&mut result).ok()?;
    (digest == *line(&result).as_bytes()).then_some(result)
}

fn line(result: &[u8]) -> String {
    format!("{}\n", Sha256::of(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &std::path::Path, program: &[u8]) -> Store {
        Store { folder: folder.to_owned(), scratch: folder.to_owned(), program: Sha256::of(program) }
    }

    #[test]
    fn a_result_is_found_by_what_it_is_made_of_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), b"one");
        let key = store.key(b"raw");
        assert_eq!(store.find(key).unwrap(), None);
        store.keep(key, b"result").unwrap();
        assert_eq!(store.find(key).unwrap().unwrap(), b"result");
        assert_eq!(store.find(store.key(b"other")).unwrap(), None);
        let whole = fs::read(store.path(key)).unwrap();
        for length in [0, DIGEST - 1, DIGEST, whole.len() - 1] {
            fs::write(store.path(key), &whole[..length]).unwrap();
            assert!(store.find(key).is_err(), "{length} bytes of {}", whole.len());
            assert_eq!(store.find(key).unwrap(), None, "it is removed");
        }
        for place in [0, DIGEST, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(store.path(key), damaged).unwrap();
            assert!(store.find(key).is_err(), "byte {place}");
        }
    }

    #[test]
    fn another_program_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (store(folder.path(), b"one"), store(folder.path(), b"other"));
        one.keep(one.key(b"raw"), b"result").unwrap();
        assert_eq!(other.find(other.key(b"raw")).unwrap(), None);
    }
}
