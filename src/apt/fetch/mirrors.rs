//! Requests to mirrors: an address and an offset → the bytes of the file, from the offset or
//! from the beginning. Addresses are `http:`, `https:` or `file:`. Proxies are read from the
//! variables `http_proxy`, `https_proxy` and `no_proxy`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::http::{HeaderMap, HeaderName, StatusCode};

use super::error::FetchError;
use crate::system::http::{self, Patience};

/// How long to wait for a mirror, and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct MirrorLimits {
    /// The longest time for making a connection.
    pub connect: Duration,
    /// The longest time in which a mirror may send nothing.
    pub stall: Duration,
    /// The longest time for a whole file, as long as it is short.
    pub whole: Duration,
    /// For a longer file `whole` grows by its length divided by this rate.
    pub bytes_per_second: u64,
    /// The number of attempts, the first one included.
    pub attempts: u32,
    /// The pause after the first failure. It doubles after each further one, five times at most.
    pub pause: Duration,
}

/// How often the pause between attempts doubles at most.
const MOST_DOUBLINGS: u32 = 5;

impl MirrorLimits {
    /// Returns the longest time for a file of `bytes` bytes.
    pub(super) fn whole(&self, bytes: u64) -> Duration {
        let more = bytes.checked_div(self.bytes_per_second).unwrap_or_default();
        self.whole.saturating_add(Duration::from_secs(more))
    }

    /// Returns the pause after the failure of attempt number `attempt`, counted from 1.
    pub(super) fn pause_after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(MOST_DOUBLINGS);
        self.pause.saturating_mul(2_u32.saturating_pow(doublings))
    }
}

impl Default for MirrorLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(20),
            stall: seconds(30),
            whole: seconds(300),
            bytes_per_second: 10_000,
            attempts: 3,
            pause: seconds(1),
        }
    }
}

pub(super) enum MirrorFailure {
    /// Another attempt may succeed.
    Passing(String),
    /// Further attempts would fail in the same way.
    Lasting(FetchError),
}

impl From<FetchError> for MirrorFailure {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

/// The body of a mirror's answer.
pub(super) struct Body {
    pub(super) reader: Box<dyn Read>,
    /// The offset in the file of the first byte.
    pub(super) start: u64,
    /// The length of the whole file, in bytes, if the mirror says it.
    pub(super) total: Option<u64>,
}

/// The connections to mirrors. They stay open from one file to the next.
#[derive(Debug, Clone)]
pub(super) struct Mirrors {
    agent: ureq::Agent,
}

impl Mirrors {
    pub(super) fn new(limits: MirrorLimits) -> Self {
        let patience = Patience { connect: limits.connect, stall: limits.stall };
        Self { agent: ureq::Agent::new_with_config(http::settings(patience).build()) }
    }

    /// Asks for the file from byte `offset` on. A mirror may ignore that and send the whole file (RFC 9110, 14.2).
    pub(super) fn open(&self, url: &str, offset: u64) -> Result<Body, MirrorFailure> {
        if let Some(path) = url.strip_prefix("file:") {
            return open_local(url, path.strip_prefix("//").unwrap_or(path), offset);
        }
        let mut request = self.agent.get(url);
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let response = request.call().map_err(|error| MirrorFailure::Passing(error.to_string()))?;
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
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(MirrorFailure::Passing(status.to_string()))
            }
            _ if status.is_server_error() => Err(MirrorFailure::Passing(status.to_string())),
            _ => Err(FetchError::Status { url: url.to_owned(), status: status.to_string() }.into()),
        }
    }
}

fn open_local(url: &str, path: &str, offset: u64) -> Result<Body, MirrorFailure> {
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
