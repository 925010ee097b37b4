//! Writes a package to a file: compressed for its user, or as an image installs it.

use std::path::Path;

use super::packed::Packed;
use crate::deb::{self, Compression, Package, Written};
use crate::system::cache::store::Store;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;

/// Writes a package to a file, which appears whole or not at all.
///
/// # Errors
/// When something in it is wrong, or the file cannot be written.
pub(super) fn write_package(package: &Package, path: &Path) -> miette::Result<Written> {
    let checked = package.check()?;
    let mut output = OutputFile::create(path)?;
    let written = deb::write(checked, &mut output)?;
    output.commit()?;
    Ok(written)
}

/// Writes a package without compression to a file of a work folder, and begins to compress it into a folder `packed` beside that
/// of the file, or takes it from the packages that are `kept`. A package that is not to be compressed is only written.
///
/// # Errors
/// When something in it is wrong, or the file cannot be written.
pub(super) fn write_for_image(
    package: &Package,
    path: &Path,
    kept: &Store,
    reporter: Reporter,
) -> miette::Result<(Written, Option<Packed>)> {
    let plain = Package { compression: Compression::None, ..package.clone() };
    let mut output = OutputFile::create(path)?;
    let written = deb::write(plain.check()?, &mut output)?;
    output.commit_to_cache()?;
    let (folder, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
    let packed = (package.compression != Compression::None).then(|| {
        let path = folder.with_file_name("packed").join(name);
        Packed::begin(package.clone(), written, path, kept.clone(), reporter)
    });
    Ok((written, packed))
}
