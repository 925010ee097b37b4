//! Two packages or two images → what is different between them: packages, fields, files with their modes, owners, sizes,
//! extended attributes and hard links. Both
//! are read here, without the programs of dpkg and e2fsprogs, and without mounting anything.

mod attributes;
mod difference;
mod error;
mod image;
mod inodes;
mod package;
mod page;
mod side;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

pub use difference::{Difference, FileChange, ValueChange};
pub use error::CompareError;
pub use page::page;
pub use side::{Side, TreeEntry, TreeEntryKind, What};

use crate::disk::gzip;
use crate::disk::superblock::{self, ImageContent};
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;

/// Reads both.
///
/// # Errors
/// When one cannot be read, is neither a package nor an image, or they are not of the same kind; or when there is no place for
/// a decompressed image.
pub fn compare(a: &Path, b: &Path, reporter: Reporter) -> Result<Difference, CompareError> {
    let work = work_folder()?;
    let work = work.path();
    let _progress = reporter.spinner("reading both");
    let kinds = [kind_of(a)?, kind_of(b)?];
    if kinds[0].what != kinds[1].what {
        let [a, b] = [(a, kinds[0].what), (b, kinds[1].what)];
        return Err(CompareError::Kinds {
            a: a.0.display().to_string(),
            b: b.0.display().to_string(),
            a_is: a.1.as_str(),
            b_is: b.1.as_str(),
        });
    }
    let [one, other] = kinds;
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| one.read(a, work));
        let other = other.read(b, work);
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    });
    Ok(Difference::between(one?, other?))
}

/// A folder in the cache for decompressed images.
fn work_folder() -> Result<WorkFolder, CompareError> {
    let unwritten = |error: String| CompareError::Write { source: io::Error::other(error) };
    let cache = Cache::open().map_err(|error| unwritten(error.to_string()))?;
    WorkFolder::create(&cache.work()).map_err(|error| unwritten(error.to_string()))
}

/// A file's kind, by its first bytes.
struct FoundFile {
    what: What,
    is_compressed: bool,
}

impl FoundFile {
    fn read(self, path: &Path, work: &Path) -> Result<Side, CompareError> {
        match self.what {
            What::Package => package::read(path),
            What::Image => image::read(path, self.is_compressed, work),
        }
    }
}

fn kind_of(path: &Path) -> Result<FoundFile, CompareError> {
    let failed = |source| CompareError::Read { path: path.display().to_string(), source };
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(superblock::HEAD as u64).read_to_end(&mut head)).map_err(failed)?;
    if head.starts_with(b"!<arch>\n") {
        return Ok(FoundFile { what: What::Package, is_compressed: false });
    }
    if head.starts_with(&gzip::MAGIC) {
        return Ok(FoundFile { what: What::Image, is_compressed: true });
    }
    match superblock::identify(&head) {
        ImageContent::FileSystem(_) => Ok(FoundFile { what: What::Image, is_compressed: false }),
        _ => Err(CompareError::Neither(path.display().to_string())),
    }
}
