//! Downloads over HTTP, HTTPS and from `file:` addresses, with the size and the hash that the file must have. A file gets
//! its name when it is whole and right; until then nothing of it can be seen. A connection that breaks is tried again, and
//! goes on where it was if the mirror can do that. Proxies are taken from `http_proxy` and its kin.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::http::{HeaderMap, HeaderName, StatusCode};

use super::release::ReleaseFile;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::output::{OutputError, OutputFile};
use crate::system::progress::Progress;

/// How many downloads go on side by side.
const SIDE_BY_SIDE: usize = 6;
const BUFFER: usize = 64 * 1024;

/// How long a mirror is waited for, and how often it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection to be made.
    pub connect: Duration,
    /// Without a single byte.
    pub stall: Duration,
    /// Attempts in all, 1 or more.
    pub attempts: u32,
    /// The pause after the first failure; it doubles each time.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(20), stall: seconds(30), attempts: 3, pause: seconds(1) }
    }
}

/// Why something could not be downloaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// The mirror does not have it.
    #[error("{url} is not there")]
    #[diagnostic(help(
        "check the mirror's address and the suite under [image] in stack.toml; or the mirror is being updated: try again"
    ))]
    NotFound {
        /// The address.
        url: String,
    },
    /// The mirror answers something else than the file.
    #[error("{url}: the mirror answers {status}")]
    #[diagnostic(help("check the mirror's address under [image] in stack.toml, and http_proxy if it is set"))]
    Status {
        /// The address.
        url: String,
        /// The status with its name.
        status: String,
    },
    /// The network, several times.
    #[error("{url} cannot be downloaded, after {attempts} attempts: {reason}")]
    #[diagnostic(help("check the network, and http_proxy if the way out is a proxy; or name another [image] mirror"))]
    Network {
        /// The address.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// It is not as long as the index says.
    #[error("{url} has {found} bytes, but {expected} are expected")]
    #[diagnostic(help("the mirror is being updated, or broken: try again, or name another [image] mirror"))]
    Size {
        /// The address.
        url: String,
        /// What the index says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// It is not what the index says.
    #[error("{url} has the SHA-256 {found}, but {expected} is expected")]
    #[diagnostic(help(
        "the file was changed on the mirror or on the way and was not kept: name another [image] mirror"
    ))]
    Hash {
        /// The address.
        url: String,
        /// What the index says.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// A local file.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file cannot be kept.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

/// A file to download.
#[derive(Debug, Clone)]
pub struct Download {
    /// Its addresses; the next is taken when one does not have it.
    pub urls: Vec<String>,
    /// Its size and hash.
    pub file: ReleaseFile,
    /// The name it gets.
    pub path: PathBuf,
}

/// Fetches from mirrors; keeps connections open from one download to the next.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    limits: Limits,
}

/// One attempt's end.
enum Failure {
    /// Another attempt may do.
    Passing(String),
    /// No other attempt will.
    Lasting(FetchError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

/// What a mirror sends.
struct Body {
    reader: Box<dyn Read>,
    /// Where in the file it begins.
    start: u64,
    /// The file's whole length, if the mirror says.
    total: Option<u64>,
}

impl Client {
    /// Makes a client; nothing is connected yet.
    pub fn new(limits: Limits) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.stall))
            .timeout_per_read(Some(limits.stall))
            .timeout_per_write(Some(limits.stall))
            .user_agent(concat!("stackdeb/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: ureq::Agent::new_with_config(config), limits }
    }

    /// Fetches a small file of unknown hash into memory: a Release file, which is verified by its signature.
    ///
    /// # Errors
    /// When it cannot be had, or is longer than `limit` bytes.
    pub fn read(&self, url: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.retry(url, || {
            let body = self.open(url, 0)?;
            let mut bytes = Vec::new();
            body.reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Failure::Passing(error.to_string()))?;
            let found = bytes.len() as u64;
            if found > limit {
                return Err(FetchError::Size { url: url.to_owned(), expected: limit, found }.into());
            }
            match body.total {
                Some(total) if total != found => {
                    Err(Failure::Passing(format!("the connection ended after {found} of {total} bytes")))
                }
                _ => Ok(bytes),
            }
        })
    }

    /// Fetches files side by side, the longest first. Those that are there already, whole and right, are not fetched.
    ///
    /// # Errors
    /// The first error; the files that were whole by then are kept.
    pub fn save_all(&self, what: &str, downloads: &[Download]) -> Result<(), FetchError> {
        let progress = Progress::bytes(what, downloads.iter().map(|download| download.file.size).sum());
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
        let mut part = Part::begin(download, progress)?;
        self.retry(url, || self.transfer(url, &mut part))?;
        let (output, found, _) = part.writer.finish();
        if found != download.file.sha256 {
            return Err(FetchError::Hash { url: url.to_owned(), expected: download.file.sha256, found });
        }
        Ok(output.commit()?)
    }

    /// One attempt: the rest of the file, or all of it.
    fn transfer(&self, url: &str, part: &mut Part) -> Result<(), Failure> {
        let expected = part.expected.size;
        let mut body = self.open(url, part.length)?;
        if let Some(found) = body.total.filter(|&total| total != expected) {
            return Err(FetchError::Size { url: url.to_owned(), expected, found }.into());
        }
        if body.start != part.length {
            part.restart()?;
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            check_interrupt()?;
            let count = body.reader.read(&mut buffer).map_err(|error| Failure::Passing(error.to_string()))?;
            match buffer.get(..count) {
                None | Some([]) => break,
                Some(bytes) => part.write(bytes)?,
            }
            if part.length > expected {
                return Err(FetchError::Size { url: url.to_owned(), expected, found: part.length }.into());
            }
        }
        if part.length < expected {
            return Err(Failure::Passing(format!("the connection ended after {} of {expected} bytes", part.length)));
        }
        Ok(())
    }

    fn retry<T>(&self, url: &str, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, FetchError> {
        let mut made = 0;
        loop {
            check_interrupt()?;
            made += 1;
            match attempt() {
                Ok(value) => return Ok(value),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(reason)) if made >= self.limits.attempts => {
                    return Err(FetchError::Network { url: url.to_owned(), attempts: made, reason });
                }
                Err(Failure::Passing(_)) => thread::sleep(self.limits.pause * (1 << (made - 1).min(5))),
            }
        }
    }

    /// Asks for the file from byte `offset` on. The mirror may send all of it nevertheless (RFC 9110, 14.2).
    fn open(&self, url: &str, offset: u64) -> Result<Body, Failure> {
        if let Some(path) = url.strip_prefix("file:") {
            return open_local(url, path.strip_prefix("//").unwrap_or(path), offset);
        }
        let mut request = self.agent.get(url);
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let response = request.call().map_err(|error| Failure::Passing(error.to_string()))?;
        let status = response.status();
        let length: Option<u64> = header(response.headers(), CONTENT_LENGTH).and_then(|value| value.parse().ok());
        let range = header(response.headers(), CONTENT_RANGE).unwrap_or_default().to_owned();
        let reader = Box::new(response.into_body().into_reader());
        match status {
            StatusCode::OK => Ok(Body { reader, start: 0, total: length }),
            StatusCode::PARTIAL_CONTENT if range.starts_with(&format!("bytes {offset}-")) => {
                let total = range.rsplit_once('/').and_then(|(_, total)| total.parse().ok());
                Ok(Body { reader, start: offset, total })
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::NotFound { url: url.to_owned() }.into()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Failure::Passing(status.to_string())),
            _ if status.is_server_error() => Err(Failure::Passing(status.to_string())),
            _ => Err(FetchError::Status { url: url.to_owned(), status: status.to_string() }.into()),
        }
    }
}

/// A download under way.
struct Part<'a> {
    writer: HashingWriter<OutputFile>,
    length: u64,
    /// The furthest it has come, which is what the user was shown.
    shown: u64,
    expected: ReleaseFile,
    path: &'a Path,
    progress: &'a Progress,
}

impl<'a> Part<'a> {
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
        self.length += bytes.len() as u64;
        self.progress.advance(self.length.saturating_sub(self.shown));
        self.shown = self.shown.max(self.length);
        Ok(())
    }
}

/// Whether there is a file of that name with the right size and hash. Another process may have left a broken disk behind.
fn is_right(path: &Path, expected: ReleaseFile) -> Result<bool, FetchError> {
    match path.metadata() {
        Ok(metadata) if metadata.len() == expected.size => {}
        _ => return Ok(false),
    }
    let found = Sha256::of_file(path);
    check_interrupt()?;
    Ok(found.is_ok_and(|(sha256, _)| sha256 == expected.sha256))
}

fn open_local(url: &str, path: &str, offset: u64) -> Result<Body, Failure> {
    let open = || {
        let mut file = File::open(path)?;
        let total = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset))?;
        Ok(Body { reader: Box::new(file), start: offset, total: Some(total) })
    };
    open().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FetchError::NotFound { url: url.to_owned() }.into(),
        _ => FetchError::Read { path: path.to_owned(), source }.into(),
    })
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn check_interrupt() -> Result<(), FetchError> {
    if interrupt::requested() { Err(interrupt::Interrupted.into()) } else { Ok(()) }
}
