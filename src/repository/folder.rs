//! The folder of a repository: its paths, the suite that is in it, and the lock that one command at a time holds.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::RepositoryError;
use crate::system::hash::Sha256;
use crate::system::interrupt;
use crate::system::progress::Reporter;

/// The path of the index below the suite's folder; `.xz` follows for the compressed one.
pub(super) const INDEX: &str = "main/binary-amd64/Packages";

/// How often a command that waits tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// What the paths of a repository begin with.
#[derive(Debug, Clone)]
pub(super) struct RepositoryFolder {
    root: PathBuf,
}

/// No other command changes the repository while this is held.
pub(super) struct RepositoryLock(#[expect(dead_code, reason = "it is unlocked when it is dropped")] Flock<File>);

impl RepositoryFolder {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn shown(&self) -> String {
        self.root.display().to_string()
    }

    pub fn suite(&self, suite: &str) -> PathBuf {
        self.root.join("dists").join(suite)
    }

    pub fn in_release(&self, suite: &str) -> PathBuf {
        self.suite(suite).join("InRelease")
    }

    /// Where both indices are kept under their hashes.
    pub fn by_hash(&self, suite: &str) -> PathBuf {
        self.suite(suite).join("main/binary-amd64/by-hash/SHA256")
    }

    pub fn index_by_hash(&self, suite: &str, hash: Sha256) -> PathBuf {
        self.by_hash(suite).join(hash.to_string())
    }

    /// `ORIGIN.sources`, for `/etc/apt/sources.list.d` of a server.
    pub fn source_file(&self, origin: &str) -> PathBuf {
        self.root.join(format!("{origin}.sources"))
    }

    /// The suite that is published here; `None` when there is no repository yet.
    ///
    /// # Errors
    /// When there are several, or the folder cannot be read.
    pub fn find_suite(&self) -> Result<Option<String>, RepositoryError> {
        let dists = self.root.join("dists");
        let failed = |source| RepositoryError::Io { path: dists.display().to_string(), source };
        let mut suites = Vec::new();
        let entries = match fs::read_dir(&dists) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.path().join("InRelease").is_file() {
                suites.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        suites.sort();
        if suites.len() > 1 {
            return Err(RepositoryError::SeveralSuites { folder: self.shown(), suites: suites.join(", ") });
        }
        Ok(suites.pop())
    }

    /// Waits until no other command changes the repository. The folder is made if it does not exist.
    ///
    /// # Errors
    /// When the folder or the file cannot be made, or the user interrupts.
    pub fn lock(&self, reporter: Reporter) -> Result<RepositoryLock, RepositoryError> {
        let path = self.root.join(".lock");
        let failed = |source| RepositoryError::Io { path: path.display().to_string(), source };
        fs::create_dir_all(&self.root).map_err(failed)?;
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        let mut told = false;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(RepositoryLock(lock)),
                Err((back, Errno::EWOULDBLOCK)) => file = back,
                Err((_, errno)) => return Err(failed(errno.into())),
            }
            if interrupt::requested() {
                return Err(interrupt::Interrupted.into());
            }
            if !told {
                reporter.say("another command changes the repository: waiting for its end");
                told = true;
            }
            thread::sleep(PAUSE);
        }
    }
}
