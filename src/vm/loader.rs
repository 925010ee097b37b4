//! The boot loader that `stackdeb boot` gives a machine, as Linode's hosts do: GRUB, made of the suite's own packages. It is
//! made once and kept in the cache.

use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use super::grub;
use crate::apt::{OlderRelease, Suite, pool, solve};
use crate::build::archive::Repository;
use crate::control::Relations;
use crate::stack;
use crate::system::cache::Cache;
use crate::system::progress::Reporter;

/// The suite whose GRUB is used when there is no `stack.toml` in this folder.
const DEFAULT_SUITE: &str = "trixie";

/// Returns the path of the boot loader in the cache, and makes it if it is not there.
///
/// # Errors
/// When it is not in the cache, and GRUB's packages cannot be downloaded or verified.
pub fn find_or_make(cache: &Cache, variant: Option<&str>) -> miette::Result<PathBuf> {
    let folder = Path::new(".");
    let image =
        if folder.join(stack::FILE_NAME).exists() { Some(stack::load_variant(folder, variant)?.image) } else { None };
    let suite = Suite::find(image.as_ref().map_or(DEFAULT_SUITE, |image| &image.suite))?;
    let loader = cache.tools().join(format!("grub-{}.img", suite.name));
    if loader.exists() {
        return Ok(loader);
    }
    let repository = match &image {
        Some(image) => Repository::for_image(suite, image, Reporter::Stderr)?,
        None => Repository::for_tool(suite, Reporter::Stderr)?,
    };
    let archive = repository.open(cache, OlderRelease::Refused)?;
    let wanted: Relations = grub::PACKAGES.parse().into_diagnostic()?;
    let chosen = solve(&archive.universe, &[wanted])?;
    let files = pool::download(cache, &repository.client, &chosen)?;
    grub::make(&files, &cache.work(), &loader)?;
    Ok(loader)
}
