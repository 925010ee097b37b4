//! What `stackdeb data save` does: a server and a folder with a `stack.toml` or without one → a file with the data of a package.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use miette::IntoDiagnostic;

use super::RemoteError;
use super::archive::SaveContents;
use super::data::{RemotePackage, SiteWhileSaving};
use super::ssh::Host;
use crate::control::PackageName;
use crate::stack::{self, FILE_NAME};
use crate::system::progress::Reporter;

pub struct SaveRequest<'a> {
    /// The server, as ssh names it.
    pub host: &'a str,
    /// When `None`, the name of the package and the time make the name of a file in this folder.
    pub file: Option<&'a Path>,
    /// When `None`, the package of the `stack.toml` in this folder, else the only one on the server.
    pub package: Option<&'a PackageName>,
    /// The variant of that `stack.toml`.
    pub variant: Option<&'a str>,
    pub site: SiteWhileSaving,
}

pub struct WrittenSave {
    pub file: PathBuf,
    pub bytes: u64,
    pub contents: SaveContents,
}

/// Saves the data to a new file.
///
/// # Errors
/// [`RemoteError`], or the mistakes of the `stack.toml` in this folder. There is no file then.
pub fn save(request: &SaveRequest<'_>, reporter: Reporter) -> miette::Result<WrittenSave> {
    let package = match request.package {
        None if Path::new(FILE_NAME).exists() => Some(package_here(request.variant)?),
        named => named.cloned(),
    };
    let server = RemotePackage::find(Host::new(request.host)?, package.as_ref())?;
    let file = request.file.map_or_else(|| default_file(server.name()), Path::to_owned);
    let contents = server.save(&file, request.site, reporter)?;
    let bytes = file.metadata().into_diagnostic()?.len();
    Ok(WrittenSave { file, bytes, contents })
}

/// The package of the stack in this folder.
fn package_here(variant: Option<&str>) -> miette::Result<PackageName> {
    let stack = stack::load_variant(Path::new("."), variant)?;
    let name = stack.package.name;
    if stack.app.kind.has_processes() { Ok(name) } else { Err(RemoteError::NoData(name).into()) }
}

/// `NAME-data-TIME.tar`, with the time in UTC.
fn default_file(package: &PackageName) -> PathBuf {
    format!("{package}-data-{}.tar", Timestamp::now().strftime("%Y%m%dT%H%M%SZ")).into()
}
