//! Which image file a command uses when the user names none.

use std::fs;
use std::path::PathBuf;

use miette::miette;

use super::variant::VariantArgs;

/// The newest `dist/*-linode.img.gz` below the current folder, or `dist/VARIANT/*-linode.img.gz`.
///
/// # Errors
/// When no image was built yet, or the stack has no variant of that name.
pub fn newest_image(variant: &VariantArgs) -> miette::Result<PathBuf> {
    let folder = match variant.variant {
        Some(_) => variant.stack_here()?.shown_dist(),
        None => "dist".to_owned(),
    };
    let is_image = |path: &PathBuf| path.to_string_lossy().ends_with("-linode.img.gz");
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(is_image).max_by_key(changed).ok_or_else(|| {
        miette!(help = "`stackdeb image` builds one; or name an image", "there is no image in the folder {folder}")
    })
}
