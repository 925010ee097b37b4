//! The papers of a package in `/usr/share/doc`: the copyright and the changelog, and which files are compressed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};

use super::CargoError;
use super::asset::{Asset, AssetContent};
use super::keys::Keys;
use super::metadata::Crate;

/// A license file that begins with such fields is a copyright file already.
const FIELDS: [&str; 5] = ["Copyright: ", "License: ", "Source: ", "Upstream-Name: ", "Format: "];

/// The text of a file of the crate.
pub(super) fn read(folder: &Path, name: &str, place: &str) -> Result<String, CargoError> {
    fs::read_to_string(folder.join(name)).map_err(|error| {
        CargoError::new(
            place,
            format!("`{name}` cannot be read: {error}"),
            "name a text file, relative to the crate's folder",
        )
    })
}

/// The content of the file `copyright`.
pub(super) fn copyright(of: &Crate, keys: &Keys, maintainer: &str) -> Result<String, CargoError> {
    let file = keys.license_file.clone().or_else(|| of.license_file.clone().map(|file| (file, 0)));
    let mut license = of.license.clone();
    if license.is_none() && file.is_none() && of.publish.as_ref().is_some_and(Vec::is_empty) {
        license = Some("UNLICENSED".to_owned());
    }
    let Some((file, skipped)) = file else { return Ok(fields(of, keys, maintainer, license.as_deref())) };
    let text = read(of.folder(), &file, &format!("{}, license-file", keys.place))?;
    let is_complete = text.lines().take(10).any(|line| FIELDS.iter().any(|field| line.starts_with(field)));
    let mut copyright = match is_complete {
        true => String::new(),
        false => fields(of, keys, maintainer, Some(license.as_deref().unwrap_or_default())),
    };
    for line in text.lines().skip(skipped) {
        copyright.push_str(if line == " " { " ." } else { line });
        copyright.push('\n');
    }
    Ok(copyright)
}

fn fields(of: &Crate, keys: &Keys, maintainer: &str, license: Option<&str>) -> String {
    let mut text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n".to_owned();
    text.push_str(&format!("Upstream-Name: {}\n", of.name));
    if let Some(source) = of.repository.as_ref().or(of.homepage.as_ref()) {
        text.push_str(&format!("Source: {source}\n"));
    }
    let owners = keys.copyright.clone().or_else(|| (!of.authors.is_empty()).then(|| of.authors.join(", ")));
    text.push_str(&match owners {
        Some(owners) => format!("Copyright: {owners}\n"),
        None => format!("Comment: Copyright information missing (maintainer: {maintainer})\n"),
    });
    if let Some(license) = license {
        text.push_str(&format!("License: {license}\n"));
    }
    text
}

/// The changelog that the key names, compressed unless it is already.
pub(super) fn changelog(of: &Crate, keys: &Keys, package: &str) -> Result<Option<Asset>, CargoError> {
    let Some(name) = &keys.changelog else { return Ok(None) };
    let path = of.folder().join(name);
    let unreadable = |error: io::Error| {
        let what = format!("`{name}` cannot be read: {error}");
        CargoError::new(format!("{}, changelog", keys.place), what, "name a file, relative to the crate's folder")
    };
    let bytes = fs::read(&path).map_err(unreadable)?;
    let bytes = if name.ends_with(".gz") { bytes } else { compressed(&bytes) };
    let path = format!("/usr/share/doc/{package}/changelog.Debian.gz");
    Ok(Some(Asset { path, source: AssetContent::Bytes(bytes), mode: 0o644, built: false }))
}

/// Compresses the files that Debian Policy 12 wants compressed: manual and info pages, and changelogs.
pub(super) fn compress(asset: &mut Asset) -> io::Result<()> {
    let path = asset.path.as_str();
    let is_paper = path.starts_with("/usr/share/man/")
        || (path.starts_with("/usr/share/doc/") && (path.ends_with("/NEWS") || path.ends_with("/changelog")))
        || (path.starts_with("/usr/share/info/") && path.ends_with(".info"));
    if !is_paper || path.ends_with(".gz") {
        return Ok(());
    }
    match &asset.source {
        AssetContent::File(file) => asset.source = AssetContent::Bytes(compressed(&fs::read(file)?)),
        AssetContent::Bytes(bytes) => asset.source = AssetContent::Bytes(compressed(bytes)),
        // A link to a page leads to the compressed page.
        AssetContent::Link(target) if target.ends_with(".gz") => {}
        AssetContent::Link(target) => asset.source = AssetContent::Link(format!("{target}.gz")),
    }
    asset.path.push_str(".gz");
    Ok(())
}

/// As `gzip -9n` does it: the header has neither name nor time.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    // A vector takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
