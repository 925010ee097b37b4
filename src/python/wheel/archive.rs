//! The zip file of a wheel: which entries it has, and their unpacking. A path that leads out, a link, an entry that the list
//! does not have or that differs from it is refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use zip::ZipArchive;

use super::record::ListedFile;
use crate::system::interrupt;
use crate::system::tree;

/// The largest file of a wheel, in bytes. The largest libraries that exist have one of half of it.
const LARGEST_FILE: u64 = 4 << 30;
/// The largest file of the folder of metadata, in bytes: these are read as texts. A list of 100,000 files has 10 MiB.
const LARGEST_TEXT: u64 = 16 << 20;
/// The largest content of a whole wheel, in bytes.
const LARGEST: u64 = 8 << 30;
/// The kind of file in a Unix mode (inode(7)): a symbolic link, and the mask of all kinds.
const LINK: u32 = 0o120_000;
const KINDS: u32 = 0o170_000;

/// A file of a wheel, not a folder.
#[derive(Debug, Clone)]
pub(super) struct WheelEntry {
    /// Checked: relative, without `..`.
    pub(super) path: String,
    pub(super) executable: bool,
    index: usize,
}

/// A wheel whose list of files was read and checked.
pub(super) struct WheelArchive {
    zip: ZipArchive<BufReader<File>>,
    entries: Vec<WheelEntry>,
}

impl WheelArchive {
    /// Opens a zip file and checks the paths of all entries. The error is a phrase.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut zip =
            ZipArchive::new(BufReader::new(file)).map_err(|error| format!("it is not a zip file: {error}"))?;
        let (mut entries, mut total) = (Vec::new(), 0_u64);
        for index in 0..zip.len() {
            let entry = zip.by_index(index).map_err(|error| format!("its entry {index} cannot be read: {error}"))?;
            let path = std::str::from_utf8(entry.name_raw()).map_err(|_| "a file's name is not UTF-8".to_owned())?;
            let path = path.to_owned();
            check_path(&path)?;
            let mode = entry.unix_mode().unwrap_or_default();
            if mode & KINDS == LINK {
                return Err(format!("{} is a symbolic link", path.escape_debug()));
            }
            if entry.is_dir() {
                continue;
            }
            total = total.saturating_add(entry.size());
            if entry.size() > LARGEST_FILE || total > LARGEST {
                return Err(format!("it unpacks to more than {} GB", LARGEST >> 30));
            }
            entries.push(WheelEntry { path, executable: mode & 0o111 != 0, index });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { zip, entries })
    }

    /// In the order of their paths.
    pub(super) fn entries(&self) -> &[WheelEntry] {
        &self.entries
    }

    pub(super) fn text(&mut self, path: &str) -> Result<String, String> {
        let entry = self.entries.iter().find(|entry| entry.path == path).cloned();
        let entry = entry.ok_or_else(|| format!("it has no file {path}"))?;
        let mut content = Vec::new();
        self.copy(&entry, &mut content)?;
        String::from_utf8(content).map_err(|_| format!("{path} is not UTF-8"))
    }

    /// Unpacks one file into `output`, at most as much as a file of its kind may have.
    fn copy(&mut self, entry: &WheelEntry, output: &mut impl Write) -> Result<(), String> {
        let broken = |error: &dyn std::fmt::Display| format!("{} cannot be unpacked: {error}", entry.path);
        let file = self.zip.by_index(entry.index).map_err(|error| broken(&error))?;
        let is_text = entry.path.split_once('/').is_some_and(|(folder, _)| folder.ends_with(".dist-info"));
        let most = if is_text { LARGEST_TEXT } else { LARGEST_FILE };
        // The size that the directory states may be wrong.
        let copied = io::copy(&mut file.take(most.saturating_add(1)), output).map_err(|error| broken(&error))?;
        if copied > most {
            return Err(format!("{} has more than {} MiB", entry.path, most >> 20));
        }
        Ok(())
    }

    /// Unpacks all files into `folder`, which then appears whole, unless it is there. Each file is compared with the list, also
    /// when it was unpacked before.
    pub(super) fn unpack(&mut self, folder: &Path, record: &BTreeMap<String, ListedFile>) -> Result<(), String> {
        let listed =
            |path: &str| record.get(path).ok_or_else(|| format!("RECORD does not have {}", path.escape_debug()));
        for entry in &self.entries {
            listed(&entry.path)?;
        }
        if let Some(missing) = record.keys().find(|path| !self.entries.iter().any(|entry| entry.path == **path)) {
            return Err(format!("RECORD has {}, which is not in it", missing.escape_debug()));
        }
        let unpacked = self.entries.iter().all(|entry| {
            let file = File::open(folder.join(&entry.path));
            file.is_ok_and(|file| listed(&entry.path).is_ok_and(|one| one.accepts(file).unwrap_or_default()))
        });
        if unpacked {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(Path::new("/"));
        let unwritable =
            |error: &dyn std::fmt::Display| format!("it cannot be unpacked into {}: {error}", parent.display());
        let work =
            tempfile::Builder::new().prefix(".unpacking-").tempdir_in(parent).map_err(|error| unwritable(&error))?;
        for entry in self.entries.clone() {
            interrupt::check().map_err(|error| error.to_string())?;
            let path = work.path().join(&entry.path);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above).map_err(|error| unwritable(&error))?;
            }
            let mut output = File::create(&path).map_err(|error| unwritable(&error))?;
            self.copy(&entry, &mut output)?;
            let written = File::open(&path).map_err(|error| unwritable(&error))?;
            if !listed(&entry.path)?.accepts(written).map_err(|error| unwritable(&error))? {
                return Err(format!("{} has another digest than RECORD says", entry.path));
            }
        }
        // Another build may have been faster, with the same content.
        tree::remove(folder).map_err(|error| unwritable(&error))?;
        let work = work.keep();
        if fs::rename(&work, folder).is_err() {
            tree::remove(&work).map_err(|error| unwritable(&error))?;
        }
        Ok(())
    }
}

/// A path must stay in the wheel, on every system that could have made it.
fn check_path(path: &str) -> Result<(), String> {
    let parts = path.strip_suffix('/').unwrap_or(path).split('/');
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if parts.clone().any(odd) || path.contains('\\') || path.chars().any(char::is_control) {
        return Err(format!("the path `{}` leads out of it, or is not a path", path.escape_debug()));
    }
    Ok(())
}
