//! The files of an upload beside the packages of a stack: `.buildinfo` and `.changes`, for `dput` and the archive that it
//! uploads to. A package that was built → both files in `dist`. The same project gives the same bytes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::built_package::BuiltInDist;
use super::package::check_outputs;
use crate::control::{PackageName, Version, VersionError};
use crate::deb::{Upload, UploadDistribution, UploadedFile};
use crate::render;
use crate::stack::Stack;
use crate::system::output::{OutputError, write_file};

/// Why a package has no `.changes` file.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UploadError {
    /// The archive of the build's packages did not answer.
    #[error(
        "the package is built, but no .buildinfo and no .changes file: the archive did not say with which of its packages a part of it was made"
    )]
    #[diagnostic(help("run the command again when the mirror can be reached"))]
    UnknownPackages,
    #[error("cannot read {file}: {source}")]
    #[diagnostic(help("make sure that nothing else writes to it, and build again"))]
    Unreadable {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Version(#[from] VersionError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

/// Checks, before anything is written, that both files can have their names.
///
/// # Errors
/// When a folder has such a name.
pub fn check_places(stack: &Stack) -> miette::Result<()> {
    check_outputs(&[], &places(stack))
}

/// The `.buildinfo` and the `.changes` file.
fn places(stack: &Stack) -> [PathBuf; 2] {
    let deb = stack.dist().join(stack.deb_file_name());
    ["buildinfo", "changes"].map(|extension| deb.with_extension(extension))
}

/// Writes both files, the `.changes` file last, and returns their paths. `distribution` takes the place of the changelog's.
///
/// # Errors
/// When it is not known with which packages of the archive a part of the package was made, or a file cannot be read or written.
pub fn write(
    stack: &Stack,
    built: &BuiltInDist,
    distribution: &UploadDistribution,
) -> Result<[PathBuf; 2], UploadError> {
    let package = &built.package;
    let installed = package.installed.packages().ok_or(UploadError::UnknownPackages)?;
    let newest = stack.package.changelog.first();
    let upload = Upload {
        control: package.control.clone(),
        beside: built.beside().map(|beside| beside.control.clone()).collect(),
        distribution: distribution.clone(),
        urgency: render::URGENCY,
        changes: newest.map(|entry| render::changes(stack, entry, &distribution.to_string())).unwrap_or_default(),
        date: newest.map_or(package.epoch, |entry| entry.date),
        built: package.epoch,
        installed: with_own(installed)?,
    };
    let [buildinfo, changes] = places(stack);
    let paths = built.beside().map(|beside| &beside.path).chain([&package.path]);
    let mut files = paths.map(|path| file(path)).collect::<Result<Vec<_>, _>>()?;
    // In the order of their names, as dpkg-genchanges sorts them.
    files.sort_by(|one, other| one.name.cmp(&other.name));
    write_file(&buildinfo, upload.buildinfo(&files).to_string().as_bytes())?;
    files.push(file(&buildinfo)?);
    files.sort_by(|one, other| one.name.cmp(&other.name));
    write_file(&changes, upload.changes(&files).to_string().as_bytes())?;
    Ok([buildinfo, changes])
}

fn file(path: &Path) -> Result<UploadedFile, UploadError> {
    UploadedFile::of(path).map_err(|source| UploadError::Unreadable { file: path.display().to_string(), source })
}

/// The packages with stackdeb's own, which makes all of a package that no command of the project makes.
fn with_own(installed: &BTreeMap<PackageName, Version>) -> Result<BTreeMap<PackageName, Version>, VersionError> {
    let mut all = installed.clone();
    if let Ok(name) = env!("CARGO_PKG_NAME").parse() {
        all.insert(name, env!("CARGO_PKG_VERSION").parse()?);
    }
    Ok(all)
}
