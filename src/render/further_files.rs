//! The files, folders and links of `[[file]]` → entries of the payload. Those with another owner than root are packed as
//! root's, and postinst hands them over when the user is there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde::Serialize;

use super::RenderError;
use crate::deb::{Content, Payload, PayloadEntry, PayloadError};
use crate::stack::{FurtherContent, FurtherFile, Owner};

/// A file or folder that gets another owner than root, for `debian/postinst`.
#[derive(Debug, Serialize)]
pub(super) struct HandedOver {
    path: String,
    /// Its permission bits, as stat(1) prints them.
    mode: String,
    user: String,
    group: String,
}

/// Adds all entries to the payload, which has everything else already, and returns those that are conffiles.
///
/// # Errors
/// When something else has the path of an entry, or its file cannot be read.
pub(super) fn add(payload: &mut Payload, files: &[FurtherFile]) -> Result<Vec<String>, RenderError> {
    // Another mode for a folder of the stack could keep the application out of it.
    let of_stack = |file: &&FurtherFile| {
        matches!(file.content, FurtherContent::Folder { .. }) && payload.has_entries_below(&file.path)
    };
    if let Some(FurtherFile { path, .. }) = files.iter().find(of_stack) {
        let (old, new) = ("a folder with files of the stack".to_owned(), "an empty folder".to_owned());
        let source = PayloadError::Collision { path: path.clone(), old, new };
        return Err(RenderError::FurtherFile { path: path.clone(), source });
    }
    let mut conffiles = Vec::new();
    for file in files {
        add_one(payload, file, mode(file)?)
            .map_err(|source| RenderError::FurtherFile { path: file.path.clone(), source })?;
        if file.path.starts_with("/etc/") && matches!(file.content, FurtherContent::File { .. }) {
            conffiles.push(file.path.clone());
        }
    }
    Ok(conffiles)
}

fn add_one(payload: &mut Payload, file: &FurtherFile, mode: Option<u32>) -> Result<(), PayloadError> {
    let entry = match &file.content {
        FurtherContent::File { source, .. } => {
            PayloadEntry::File { content: Content::File(source.clone()), mode: mode.unwrap_or_default() }
        }
        FurtherContent::Folder { mode } => PayloadEntry::Folder { mode: *mode },
        FurtherContent::Link { target } => PayloadEntry::Symlink { target: target.clone() },
    };
    // Also where a payload would take one folder for another.
    let there = payload.get(&file.path).map(|there| match there {
        PayloadEntry::File { content: Content::Bytes(_), .. } => "a file that stackdeb makes itself".to_owned(),
        other => other.describe(),
    });
    if let Some(old) = there {
        return Err(PayloadError::Collision { path: file.path.clone(), old, new: entry.describe() });
    }
    payload.add(&file.path, entry)
}

/// Those that are not root's alone.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn handed_over(files: &[FurtherFile]) -> Result<Vec<HandedOver>, RenderError> {
    let mut all = Vec::new();
    for file in files.iter().filter(|file| file.owner != Owner::root()) {
        if let Some(mode) = mode(file)? {
            let Owner { user, group } = file.owner.clone();
            all.push(HandedOver { path: file.path.clone(), mode: format!("{mode:o}"), user, group });
        }
    }
    Ok(all)
}

/// The mode of a file or folder. A link has none.
fn mode(file: &FurtherFile) -> Result<Option<u32>, RenderError> {
    match &file.content {
        FurtherContent::File { mode: Some(mode), .. } | FurtherContent::Folder { mode } => Ok(Some(*mode)),
        FurtherContent::File { source, mode: None } => {
            let unreadable = |error| RenderError::Unreadable { path: source.display().to_string(), source: error };
            let of_project = fs::metadata(source).map_err(unreadable)?.permissions().mode();
            Ok(Some(if of_project & 0o100 != 0 { 0o755 } else { 0o644 }))
        }
        FurtherContent::Link { .. } => Ok(None),
    }
}
