//! Which image file a command uses when the user names none.

use std::fs;
use std::path::{Path, PathBuf};

use miette::miette;

use crate::stack;

/// The newest `dist/*-linode.img.gz` below the current folder, or `dist/VARIANT/*-linode.img.gz`.
///
/// # Errors
/// When no image was built yet, or the stack has no variant of that name.
pub fn newest_image(variant: Option<&str>) -> miette::Result<PathBuf> {
    let folder = match variant {
        Some(_) => stack::load_variant(Path::new("."), variant)?.shown_dist(),
        None => "dist".to_owned(),
    };
    let is_image = |path: &PathBuf| path.to_string_lossy().ends_with("-linode.img.gz");
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(is_image).max_by_key(changed).ok_or_else(|| {
        miette!(help = "`stackdeb image` builds one; or name an image", "there is no image in the folder {folder}")
    })
}
