//! The newest date of each Release file that a build has seen, kept in the cache. An old Release file still has a good
//! signature, so somebody between this machine and the mirror can play it back, and with it packages whose holes are
//! known. An archive never goes back by itself.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::release::ReleaseError;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::output::write_file;

/// What to do with a Release file that is older than one that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OlderRelease {
    Refused,
    /// The user wants it. Its date is remembered in place of the newer one.
    Accepted,
}

impl OlderRelease {
    pub fn accepted_if(wanted: bool) -> Self {
        if wanted { Self::Accepted } else { Self::Refused }
    }
}

/// Compares `date`, that of the Release file at `url`, with the newest of this archive and suite, and remembers it. `base`
/// is the address of the archive.
///
/// # Errors
/// When it is older and that is refused, or the date cannot be read or written.
pub(super) fn check(
    cache: &Cache,
    (base, suite): (&str, &str),
    date: Epoch,
    url: &str,
    older: OlderRelease,
) -> Result<(), ReleaseError> {
    let folder = cache.releases();
    let path = folder.join(Sha256::of(format!("{base}\n{suite}").as_bytes()).to_string());
    let failed = |source| ReleaseError::Memory { path: path.display().to_string(), source };
    // Builds that run at the same time must not overwrite a newer date with an older one.
    let _lock = lock(&folder.join("lock")).map_err(failed)?;
    match read(&path).map_err(failed)? {
        Some(newest) if newest == date => return Ok(()),
        Some(newest) if newest > date && older == OlderRelease::Refused => {
            let (date, newest) = (date.to_rfc5322(), newest.to_rfc5322());
            return Err(ReleaseError::Older { url: url.to_owned(), date, newest });
        }
        _ => {}
    }
    let text = format!("{} {base} {suite}\n", date.seconds());
    write_file(&path, text.as_bytes()).map_err(|error| failed(error.source))
}

fn lock(path: &Path) -> io::Result<Flock<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

/// The date in a file: seconds since 1970, then words for people.
fn read(path: &PathBuf) -> io::Result<Option<Epoch>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let seconds = text.split(' ').next().and_then(|word| word.parse().ok());
    let date = seconds.and_then(|seconds| Epoch::from_seconds(seconds).ok());
    date.map(Some)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not begin with a number of seconds"))
}
