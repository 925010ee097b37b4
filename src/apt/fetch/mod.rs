//! Downloads from mirrors. A file gets its name only after its size and hash have been checked; until
//! then it is invisible. After a broken connection the download is tried again, and goes on where it
//! stopped if the mirror supports that.

mod error;
mod mirrors;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::release::SignedFile;
use crate::system::cache::contents;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::output::{OutputError, OutputFile};
use crate::system::progress::{Progress, Reporter};
use mirrors::{MirrorFailure, Mirrors};

pub use error::FetchError;
pub use mirrors::MirrorLimits;

/// The number of simultaneous downloads.
const SIDE_BY_SIDE: usize = 6;
/// In bytes, for each download.
const BUFFER: usize = 64 * 1024;

/// A file of known size and hash, and where to get it.
#[derive(Debug, Clone)]
pub struct Download {
    /// Addresses of the same file. The next one is tried if a mirror answers that it does not have the file.
    pub urls: Vec<String>,
    /// The size and hash that the file must have.
    pub file: SignedFile,
    pub path: PathBuf,
}

impl Download {
    /// The address under the file's own name, which messages say: the last one, because an index is looked for by its hash first.
    pub fn address(&self) -> &str {
        self.urls.last().map_or("", String::as_str)
    }
}

/// Downloads files from mirrors. Connections stay open from one download to the next.
#[derive(Debug, Clone)]
pub struct MirrorClient {
    mirrors: Mirrors,
    limits: MirrorLimits,
    reporter: Reporter,
}

impl MirrorClient {
    /// Makes a client without connecting to anything. `reporter` shows the progress of its downloads.
    pub fn new(limits: MirrorLimits, reporter: Reporter) -> Self {
        Self { mirrors: Mirrors::new(limits), limits, reporter }
    }

    /// For the work before and after the downloads.
    pub(super) fn reporter(&self) -> Reporter {
        self.reporter
    }

    /// Downloads a file of unknown size and hash into memory. That is for Release files only, which have a signature.
    ///
    /// # Errors
    /// When the file cannot be downloaded or is longer than `limit` bytes.
    pub fn read(&self, url: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.retry(url, || {
            let mut body = self.mirrors.open(url, 0)?;
            let deadline = Deadline::new(url, self.limits.whole(0));
            let (mut bytes, mut buffer) = (Vec::new(), vec![0; BUFFER]);
            while bytes.len() as u64 <= limit {
                deadline.check(bytes.len() as u64)?;
                let count = body.reader.read(&mut buffer).map_err(|error| MirrorFailure::Passing(error.to_string()))?;
                match buffer.get(..count) {
                    None | Some([]) => break,
                    Some(piece) => bytes.extend_from_slice(piece),
                }
            }
            let found = bytes.len() as u64;
            if found > limit {
                return Err(FetchError::Size { url: url.to_owned(), expected: limit, found }.into());
            }
            match body.total {
                Some(total) if total != found => {
                    Err(MirrorFailure::Passing(format!("the connection ended after {found} of {total} bytes")))
                }
                _ => Ok(bytes),
            }
        })
    }

    /// Downloads several files at once, the longest first. A file that exists with the right size and hash is left
    /// alone. `what` is a phrase for the progress line.
    ///
    /// # Errors
    /// The first error. Files that were complete by then are kept.
    pub fn save_all(&self, what: &str, downloads: &[Download]) -> Result<(), FetchError> {
        let progress = self.reporter.bytes(what, downloads.iter().map(|download| download.file.size).sum());
        let mut queue: Vec<&Download> = downloads.iter().collect();
        queue.sort_by_key(|download| std::cmp::Reverse(download.file.size));
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            while let Some(download) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.save(download, &progress) {
                    next.store(queue.len(), Ordering::Relaxed);
                    if let Ok(mut first) = failed.lock() {
                        first.get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE.min(queue.len()) {
                scope.spawn(work);
            }
        });
        failed.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    fn save(&self, download: &Download, progress: &Progress) -> Result<(), FetchError> {
        if is_right(&download.path, download.file)? {
            contents::note_use(&download.path);
            progress.advance(download.file.size);
            return Ok(());
        }
        let mut missing = FetchError::NotFound { url: String::new() };
        for url in &download.urls {
            match self.save_from(url, download, progress) {
                Err(error @ FetchError::NotFound { .. }) => missing = error,
                other => return other,
            }
        }
        Err(missing)
    }

    fn save_from(&self, url: &str, download: &Download, progress: &Progress) -> Result<(), FetchError> {
        let mut part = PartialDownload::begin(download, progress)?;
        self.retry(url, || self.transfer(url, &mut part))?;
        let (output, found, _) = part.writer.finish();
        if found != download.file.sha256 {
            return Err(FetchError::Hash { url: url.to_owned(), expected: download.file.sha256, found });
        }
        Ok(output.commit_to_cache()?)
    }

    /// Makes one attempt to download the rest of the file, or all of it if the mirror sends that.
    fn transfer(&self, url: &str, part: &mut PartialDownload) -> Result<(), MirrorFailure> {
        let expected = part.expected.size;
        let mut body = self.mirrors.open(url, part.length)?;
        if let Some(found) = body.total.filter(|&total| total != expected) {
            return Err(FetchError::Size { url: url.to_owned(), expected, found }.into());
        }
        if body.start != part.length {
            part.restart()?;
        }
        let deadline = Deadline::new(url, self.limits.whole(expected));
        let mut buffer = vec![0; BUFFER];
        loop {
            deadline.check(part.length)?;
            let count = body.reader.read(&mut buffer).map_err(|error| MirrorFailure::Passing(error.to_string()))?;
            match buffer.get(..count) {
                None | Some([]) => break,
                Some(bytes) => part.write(bytes)?,
            }
            if part.length > expected {
                return Err(FetchError::Size { url: url.to_owned(), expected, found: part.length }.into());
            }
        }
        if part.length < expected {
            return Err(MirrorFailure::Passing(format!(
                "the connection ended after {} of {expected} bytes",
                part.length
            )));
        }
        Ok(())
    }

    fn retry<T>(&self, url: &str, mut attempt: impl FnMut() -> Result<T, MirrorFailure>) -> Result<T, FetchError> {
        let mut made: u32 = 0;
        loop {
            check_interrupt()?;
            made = made.saturating_add(1);
            match attempt() {
                Ok(value) => return Ok(value),
                Err(MirrorFailure::Lasting(error)) => return Err(error),
                Err(MirrorFailure::Passing(reason)) if made >= self.limits.attempts => {
                    return Err(FetchError::Network { url: url.to_owned(), attempts: made, reason });
                }
                Err(MirrorFailure::Passing(_)) => thread::sleep(self.limits.pause_after(made)),
            }
        }
    }
}

/// The end of an attempt. A mirror that sends one byte from time to time never stalls, and would never end.
struct Deadline<'a> {
    url: &'a str,
    begun: Instant,
    limit: Duration,
}

impl<'a> Deadline<'a> {
    fn new(url: &'a str, limit: Duration) -> Self {
        Self { url, begun: Instant::now(), limit }
    }

    /// Fails if the time is over, or the user has interrupted. `found` is the number of bytes so far.
    fn check(&self, found: u64) -> Result<(), FetchError> {
        check_interrupt()?;
        let elapsed = self.begun.elapsed();
        if elapsed <= self.limit {
            return Ok(());
        }
        Err(FetchError::Slow { url: self.url.to_owned(), found, seconds: elapsed.as_secs() })
    }
}

/// A download that is not finished.
struct PartialDownload<'a> {
    writer: HashingWriter<OutputFile>,
    length: u64,
    /// The largest `length` so far. The progress line never goes back, even if a download starts again.
    shown: u64,
    expected: SignedFile,
    path: &'a Path,
    progress: &'a Progress,
}

impl<'a> PartialDownload<'a> {
    fn begin(download: &'a Download, progress: &'a Progress) -> Result<Self, OutputError> {
        let writer = HashingWriter::new(OutputFile::create(&download.path)?);
        Ok(Self { writer, length: 0, shown: 0, expected: download.file, path: &download.path, progress })
    }

    fn restart(&mut self) -> Result<(), FetchError> {
        self.writer = HashingWriter::new(OutputFile::create(self.path)?);
        self.length = 0;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let path = || self.path.display().to_string();
        self.writer.write_all(bytes).map_err(|source| OutputError { path: path(), source })?;
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.progress.advance(self.length.saturating_sub(self.shown));
        self.shown = self.shown.max(self.length);
        Ok(())
    }
}

/// Whether the file exists with the right size and hash. The hash is checked each time, because disks fail.
fn is_right(path: &Path, expected: SignedFile) -> Result<bool, FetchError> {
    match path.metadata() {
        Ok(metadata) if metadata.len() == expected.size => {}
        _ => return Ok(false),
    }
    let found = Sha256::of_file(path);
    check_interrupt()?;
    Ok(found.is_ok_and(|(sha256, _)| sha256 == expected.sha256))
}

fn check_interrupt() -> Result<(), FetchError> {
    if interrupt::requested() { Err(interrupt::Interrupted.into()) } else { Ok(()) }
}
