//! Writes rendered files to the folder of a configuration. A file that somebody has edited is not replaced. The folder
//! also gets a list with the digests of what was written, so that an edited file can be told from one that is only old.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::linode::error::LinodeError;
use crate::render::terraform::TerraformFile;
use crate::system::hash::Sha256;
use crate::system::output::{OutputError, write_file};

/// The list of what was written, in the format of sha256sum(1).
const RECORD: &str = ".stackdeb";

/// What to do with an edited file for which there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// Keep it, and write nothing at all.
    Keep,
    Replace,
}

/// What the folder contains now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenFiles {
    /// The names of the files that are as rendered.
    pub files: Vec<String>,
    /// Those that this stack no longer needs.
    pub removed: Vec<String>,
    /// Those that were edited and for which there is nothing new.
    pub kept: Vec<String>,
}

/// Brings a folder up to date.
///
/// # Errors
/// When edits would be lost, or the folder cannot be read or written. Everything is checked before anything is written.
pub(super) fn update(folder: &Path, files: &[TerraformFile], edited: Edited) -> Result<WrittenFiles, LinodeError> {
    let record = read_record(folder)?;
    if edited == Edited::Keep && record.is_empty() {
        refuse_foreign(folder, files)?;
    }
    let (mut written, mut refused) = (WrittenFiles::default(), Vec::new());
    for file in files {
        let name = file.name.to_owned();
        let (new, then, now) = (
            Sha256::of(file.content.as_bytes()),
            record.get(&name),
            read(&folder.join(&name))?.as_deref().map(Sha256::of),
        );
        match now {
            Some(now) if edited == Edited::Keep && now != new && then != Some(&now) => {
                if then == Some(&new) {
                    written.kept.push(name)
                } else {
                    refused.push(name)
                }
            }
            _ => written.files.push(name),
        }
    }
    for (name, then) in &record {
        let is_wanted = files.iter().any(|file| file.name == name);
        match read(&folder.join(name))? {
            Some(_) if is_wanted => {}
            Some(now) if edited == Edited::Keep && Sha256::of(&now) != *then => refused.push(name.clone()),
            Some(_) => written.removed.push(name.clone()),
            None => {}
        }
    }
    if !refused.is_empty() {
        return Err(LinodeError::EditedFiles { folder: folder.display().to_string(), files: refused.join(", ") });
    }
    apply(folder, files, &written)?;
    Ok(written)
}

fn apply(folder: &Path, files: &[TerraformFile], written: &WrittenFiles) -> Result<(), OutputError> {
    for file in files.iter().filter(|file| written.files.iter().any(|name| name == file.name)) {
        write_file(&folder.join(file.name), file.content.as_bytes())?;
    }
    for path in written.removed.iter().map(|name| folder.join(name)) {
        fs::remove_file(&path).map_err(|source| OutputError { path: path.display().to_string(), source })?;
    }
    // Last, so that after an interruption the next run finds files that are as rendered, and takes none for an edit.
    let lines = files.iter().map(|file| format!("{}  {}\n", Sha256::of(file.content.as_bytes()), file.name));
    write_file(&folder.join(RECORD), lines.collect::<String>().as_bytes())
}

/// Refuses a folder with Terraform files that stackdeb did not write.
fn refuse_foreign(folder: &Path, files: &[TerraformFile]) -> Result<(), LinodeError> {
    let unreadable = |source| unreadable(folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut foreign = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        let ours = files.iter().find(|file| file.name == name);
        let is_new = |file: &TerraformFile| {
            Ok::<_, LinodeError>(read(&folder.join(&name))?.as_deref() == Some(file.content.as_bytes()))
        };
        match ours {
            Some(file) if is_new(file)? => {}
            None if !name.ends_with(".tf") && !name.ends_with(".tf.json") => {}
            _ => foreign.push(name),
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    foreign.sort();
    Err(LinodeError::ForeignFiles { folder: folder.display().to_string(), files: foreign.join(", ") })
}

/// The names and digests of what this program wrote last time. Lines that it cannot have written are ignored: they must
/// not cause any other file, such as a state, to be deleted.
fn read_record(folder: &Path) -> Result<BTreeMap<String, Sha256>, LinodeError> {
    let text = read(&folder.join(RECORD))?.unwrap_or_default();
    let parse = |line: &str| {
        let (digest, name) = line.split_once("  ")?;
        let is_ours = !name.contains('/') && [".tf", ".tftpl", ".gitignore"].iter().any(|end| name.ends_with(end));
        is_ours.then_some((name.to_owned(), digest.parse().ok()?))
    };
    Ok(String::from_utf8_lossy(&text).lines().filter_map(parse).collect())
}

/// The content of a file; `None` when it does not exist.
fn read(path: &Path) -> Result<Option<Vec<u8>>, LinodeError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unreadable(path, source)),
    }
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> LinodeError {
    let help = "check that it is what it should be, and that you may read it; or name another folder with --out";
    LinodeError::Read { what: "the file or folder", path: path.to_owned(), source, help }
}
