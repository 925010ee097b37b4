//! A package index: names of libraries → the files that it has of them, and verified files in the cache. Pages and files that
//! are in the cache are used without asking the network, as long as they have what is wanted.

pub mod address;
mod page;
mod web;

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pep508_rs::PackageName;
use url::Url;

pub use page::{IndexFile, percent_decoded};
use web::Web;
pub use web::{authorities, without_credentials};

use super::PythonError;
use crate::system::cache::{Cache, contents};
use crate::system::hash::Sha256;
use crate::system::output;
use crate::system::progress::Reporter;

/// The number of simultaneous downloads.
const SIDE_BY_SIDE: usize = 6;

/// An index of libraries with its cache.
pub struct LibraryIndex {
    address: Url,
    cache: Cache,
    web: Web,
    reporter: Reporter,
}

impl LibraryIndex {
    /// Nothing is downloaded yet.
    pub fn new(address: Url, cache: Cache, reporter: Reporter) -> Self {
        let web = Web::new(&address);
        Self { address, cache, web, reporter }
    }

    /// Where its downloads report to.
    pub fn reporter(&self) -> Reporter {
        self.reporter
    }

    /// Its address, with a password if there is one.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Its address without a password.
    pub fn shown(&self) -> String {
        without_credentials(&self.address).to_string()
    }

    /// The files of a library. A page in the cache is taken when `suffices` says so; `None` when the index
    /// does not have the library.
    ///
    /// # Errors
    /// When the network fails, or the page cannot be read.
    pub fn files(
        &self,
        name: &PackageName,
        suffices: impl Fn(&[IndexFile]) -> bool,
    ) -> Result<Option<Vec<IndexFile>>, PythonError> {
        let url = self.address.join(&format!("{name}/"));
        let url = url.map_err(|_| PythonError::Address { address: self.shown(), place: "the index".to_owned() })?;
        let shown = without_credentials(&url).to_string();
        let kept = self.cache.index_pages().join(Sha256::of(shown.as_bytes()).to_string());
        // The first line is the page's type.
        let read = |whole: &[u8]| {
            let at = whole.iter().position(|byte| *byte == b'\n').unwrap_or(whole.len());
            let (kind, body) = whole.split_at(at);
            page::parse(body, &String::from_utf8_lossy(kind), &url)
        };
        if let Ok(files) = fs::read(&kept).map_err(|_| String::new()).and_then(|whole| read(&whole))
            && suffices(&files)
        {
            return Ok(Some(files));
        }
        let Some(answer) = self.web.page(&url)? else { return Ok(None) };
        let whole = [answer.kind.as_bytes(), b"\n", &answer.body].concat();
        let files = read(&whole).map_err(|reason| PythonError::Page { url: shown, reason })?;
        output::write_file(&kept, &whole)?;
        Ok(Some(files))
    }

    /// Where a file of a lock is. Another index than PyPI is asked for its own copy, because it may be there instead.
    ///
    /// # Errors
    /// When the lock's address is not one, or, if the index is asked, as [`LibraryIndex::files`].
    pub fn url_of(&self, name: &PackageName, file: &str, locked: &str, sha256: Sha256) -> Result<Url, PythonError> {
        let of_lock = || {
            let not_one =
                |_| PythonError::Address { address: locked.to_owned(), place: format!("the lock, for {file}") };
            Url::parse(locked).map_err(not_one)
        };
        if is_right(&self.cache.wheels().join(format!("{sha256}.whl")), sha256) || address::is_default(&self.address) {
            return of_lock();
        }
        let same = |one: &IndexFile| one.name == file && one.sha256.is_none_or(|digest| digest == sha256);
        let files = self.files(name, |files| files.iter().any(same))?.unwrap_or_default();
        files.into_iter().find(same).map_or_else(of_lock, |one| Ok(one.url))
    }

    /// Downloads files of known digests, if they are not in the cache. Returns their paths, in the same order.
    ///
    /// # Errors
    /// The first error: the network fails, or a file has another digest.
    pub fn download(&self, wanted: &[(Url, Sha256)]) -> Result<Vec<PathBuf>, PythonError> {
        let path = |sha256: &Sha256| self.cache.wheels().join(format!("{sha256}.whl"));
        let missing: Vec<&(Url, Sha256)> =
            wanted.iter().filter(|(_, sha256)| !is_right(&path(sha256), *sha256)).collect();
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let progress = (!missing.is_empty()).then(|| self.reporter.spinner("downloading libraries"));
        let work = || {
            while let Some((url, sha256)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.web.save(url, *sha256, &path(sha256)) {
                    next.store(missing.len(), Ordering::Relaxed);
                    if let Ok(mut first) = failed.lock() {
                        first.get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE.min(missing.len()) {
                scope.spawn(work);
            }
        });
        drop(progress);
        match failed.into_inner().ok().flatten() {
            Some(error) => Err(error),
            None => {
                let paths: Vec<PathBuf> = wanted.iter().map(|(_, sha256)| path(sha256)).collect();
                paths.iter().for_each(|path| contents::note_use(path));
                Ok(paths)
            }
        }
    }
}

/// The hash is checked each time, because disks fail.
fn is_right(path: &std::path::Path, expected: Sha256) -> bool {
    Sha256::of_file(path).is_ok_and(|(found, _)| found == expected)
}
