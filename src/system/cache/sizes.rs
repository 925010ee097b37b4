//! How large the folders of the cache are. To know that, each file of them is looked at, and the cache has tens of thousands.
//! But a folder is complete when it gets its name in the cache, so what was found is kept in a file of the cache.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The sizes that were found.
pub(super) struct Sizes {
    /// The file that they are kept in.
    file: PathBuf,
    /// Bytes, by inode and path.
    kept: HashMap<(u64, String), u64>,
    /// Those that were asked for, in the form in which they are kept.
    asked: String,
    changed: bool,
}

impl Sizes {
    /// Reads the sizes that are kept in `file`. If that is missing or damaged, each folder is looked through again.
    pub fn kept_in(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let kept = text.lines().filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (bytes, inode) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some(((inode, words.next()?.to_owned()), bytes))
        });
        Self { kept: kept.collect(), file, asked: String::new(), changed: false }
    }

    /// The size of a file, or of all files in a folder, in bytes.
    pub fn of(&mut self, path: &Path, metadata: &Metadata) -> u64 {
        // A name of the cache has no line break.
        let Some(name) = path.to_str().filter(|name| metadata.is_dir() && !name.contains('\n')) else {
            return size(path, metadata);
        };
        let key = (metadata.ino(), name.to_owned());
        let bytes = self.kept.get(&key).copied().unwrap_or_else(|| {
            self.changed = true;
            size(path, metadata)
        });
        let _ = writeln!(self.asked, "{bytes} {} {name}", key.0);
        bytes
    }

    /// Keeps the sizes that were asked for, if one of them is new. It does not wait for the disk: what a power cut damages is
    /// found again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let folder = self.file.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(self.asked.as_bytes())?;
        file.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The sizes of all files below, in bytes. What cannot be read counts nothing.
pub(super) fn size(path: &Path, metadata: &Metadata) -> u64 {
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.metadata().map_or(0, |metadata| size(&entry.path(), &metadata))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_looked_through_once() {
        let folder = tempfile::tempdir().unwrap();
        let [tree, list] = ["tree", "sizes"].map(|name| folder.path().join(name));
        let make = |content: &str| {
            fs::create_dir_all(tree.join("deep")).unwrap();
            fs::write(tree.join("deep/file"), content).unwrap();
        };
        let found = || {
            let mut sizes = Sizes::kept_in(list.clone());
            let bytes = sizes.of(&tree, &fs::metadata(&tree).unwrap());
            sizes.keep().unwrap();
            bytes
        };
        make("12345");
        assert_eq!(found(), 5);
        fs::write(tree.join("deep/file"), "123").unwrap();
        assert_eq!(found(), 5, "it was looked through again");
        // Another folder with its name. While the old one is there, it has another inode.
        fs::rename(&tree, folder.path().join("old")).unwrap();
        make("12");
        assert_eq!(found(), 2);
        for damage in ["", "2", "2 x", "many", "\0\0\0\0"] {
            make("1");
            fs::write(&list, damage).unwrap();
            assert_eq!(found(), 1, "{damage}");
        }
        let file = tree.join("deep/file");
        let mut sizes = Sizes::kept_in(list);
        assert_eq!(sizes.of(&file, &fs::metadata(&file).unwrap()), 1);
        assert!(sizes.asked.is_empty(), "a file's size is known without a note");
    }
}
