//! The files of a crate, for the kind `cargo`: what `[package.metadata.deb]` installs, and the migrations in the crate's folder →
//! entries of the payload.

use super::{AppNotes, RenderError};
use crate::deb::{Content, Payload};
use crate::stack::{CrateOrigin, Stack, migration_names};

/// Adds all files. What the metadata ask for and a stack has otherwise is in the notes.
///
/// # Errors
/// When two files have one path, or the folder of the migrations cannot be read.
pub(super) fn add(payload: &mut Payload, stack: &Stack, origin: &CrateOrigin) -> Result<AppNotes, RenderError> {
    for (path, entry) in origin.files.payload.entries() {
        let add = payload.add(path, entry.clone());
        add.map_err(|source| RenderError::OfCrate { path: path.to_owned(), source })?;
    }
    let installed = stack.app_folder();
    if let Some(folder) = stack.database.as_ref().and_then(|database| database.migrations.as_ref()) {
        let files = stack.app.folder.join(folder);
        for name in migration_names(&files)? {
            let path = format!("{installed}/{}/{name}", folder.display());
            if payload.get(&path).is_none() {
                payload.add_file(&path, Content::File(files.join(name)), 0o644)?;
            }
        }
    }
    if !payload.has_entries_below(&installed) {
        // The programs work there.
        payload.add_folder(&installed, 0o755)?;
    }
    Ok(AppNotes { of_crate: origin.files.warnings.clone(), ..AppNotes::default() })
}
