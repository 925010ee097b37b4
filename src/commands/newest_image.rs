//! Which image file a command uses when the user names none.

use std::fs;
use std::path::PathBuf;

use miette::miette;

/// The newest `dist/*-linode.img.gz` below the current folder.
///
/// # Errors
/// When there is none.
pub fn newest_image() -> miette::Result<PathBuf> {
    let is_image = |path: &PathBuf| path.to_string_lossy().ends_with("-linode.img.gz");
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let entries = fs::read_dir("dist").into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(is_image).max_by_key(changed).ok_or_else(|| {
        miette!(help = "`stackdeb image` builds one; or name an image", "there is no image in the folder dist")
    })
}
