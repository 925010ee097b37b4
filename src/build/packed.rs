//! The package that is published, while the same package is installed in an image already. dpkg would only decompress it, and
//! compressing it takes longer than installing it. So an image gets the package without compression, and another thread
//! compresses it meanwhile, or takes it from the cache. Its name there is the digest of the package without compression.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use miette::IntoDiagnostic;

use crate::deb::{self, Compression, Package, Written};
use crate::system::cache::store::Store;
use crate::system::hash::Sha256;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;

/// The largest package that is kept for the next build, in bytes without compression. It is in memory once.
const LARGEST_KEPT: u64 = 100_000_000;

/// A compressed package, complete or not yet. When it is dropped, it waits for its thread, which writes in the work folder.
pub struct Packed {
    path: PathBuf,
    compression: Compression,
    running: Mutex<Option<JoinHandle<miette::Result<Written>>>>,
    written: OnceLock<Written>,
}

impl Packed {
    /// Begins to write `package` to `path`, in a folder of the cache. `plain` is the same package without compression.
    pub(super) fn begin(package: Package, plain: Written, path: PathBuf, kept: Store, reporter: Reporter) -> Self {
        let (compression, target) = (package.compression, path.clone());
        let running = thread::spawn(move || write(&package, plain, &target, &kept, reporter));
        Self { path, compression, running: Mutex::new(Some(running)), written: OnceLock::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Waits until the package is complete.
    ///
    /// # Errors
    /// When it could not be written, or the user interrupted.
    pub fn written(&self) -> miette::Result<Written> {
        // The second caller waits here for the first.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = self.written.get() {
            return Ok(*written);
        }
        let ended = || miette::miette!("the thread that compresses {} ended unexpectedly", self.path.display());
        let written = running.take().ok_or_else(ended)?.join().map_err(|_| ended())??;
        Ok(*self.written.get_or_init(|| written))
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        let _ = self.written();
    }
}

fn write(package: &Package, plain: Written, path: &Path, kept: &Store, reporter: Reporter) -> miette::Result<Written> {
    let mut output = OutputFile::create(path)?;
    let key = kept.key(format!("{:?} {}", package.compression, plain.sha256).as_bytes());
    let found = kept.find(key).unwrap_or_else(|damaged| {
        reporter.warn(&damaged.to_string());
        None
    });
    let written = if let Some(bytes) = found {
        output.write_all(&bytes).into_diagnostic()?;
        Written { sha256: Sha256::of(&bytes), size: bytes.len() as u64, ..plain }
    } else if plain.size > LARGEST_KEPT {
        deb::write(package.check()?, &mut output)?
    } else {
        let mut bytes = Vec::new();
        let written = deb::write(package.check()?, &mut bytes)?;
        // A full disk is noticed when the package is written; else the next image is only slower.
        let _ = kept.keep(key, &bytes);
        output.write_all(&bytes).into_diagnostic()?;
        written
    };
    // It is copied from there, and the copy waits for the disk.
    output.commit_to_cache()?;
    Ok(written)
}
