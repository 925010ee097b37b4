//! Writes a package to a file, or takes one that was written before from the cache: most of the time of a package is spent in its
//! compression. Its name there is the digest of the same package without compression.

use std::io::{self, Write};
use std::path::Path;

use miette::IntoDiagnostic;

use crate::deb::{self, Compression, Package, Written};
use crate::system::cache::store::Store;
use crate::system::hash::Sha256;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;

/// The largest package that is kept for the next build, in bytes without compression. It is in memory once.
const LARGEST_KEPT: u64 = 100_000_000;

/// Writes a package to a file, which appears whole or not at all. `kept` are the packages that were written before.
///
/// # Errors
/// When something in it is wrong, or the file cannot be written.
pub(super) fn write_package(
    package: &Package,
    path: &Path,
    kept: Option<&Store>,
    reporter: Reporter,
) -> miette::Result<Written> {
    let checked = package.check()?;
    let mut output = OutputFile::create(path)?;
    let written = match kept {
        None => deb::write(checked, &mut output)?,
        Some(kept) => write_once(package, checked, &mut output, kept, reporter)?,
    };
    output.commit()?;
    Ok(written)
}

fn write_once(
    package: &Package,
    checked: deb::Checked,
    output: &mut OutputFile,
    kept: &Store,
    reporter: Reporter,
) -> miette::Result<Written> {
    let plain = Package { compression: Compression::None, ..package.clone() };
    let plain = deb::write(plain.check()?, io::sink())?;
    let key = kept.key(format!("{:?} {}", package.compression, plain.sha256).as_bytes());
    match kept.find(key) {
        Ok(None) => {}
        Ok(Some(bytes)) => {
            output.write_all(&bytes).into_diagnostic()?;
            return Ok(Written { sha256: Sha256::of(&bytes), size: bytes.len() as u64, ..plain });
        }
        Err(damaged) => reporter.say(&format!("warning: {damaged}")),
    }
    if plain.size > LARGEST_KEPT {
        return Ok(deb::write(checked, output)?);
    }
    let mut bytes = Vec::new();
    let written = deb::write(checked, &mut bytes)?;
    // A full disk is noticed when the package is written; else the next image is only slower.
    let _ = kept.keep(key, &bytes);
    output.write_all(&bytes).into_diagnostic()?;
    Ok(written)
}
