//! HTTP to an index: pages into memory, files into the cache. What may pass is tried again. The certificates that are trusted
//! are those that pip would trust on this machine.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use url::Url;

use super::page::JSON;
use crate::python::PythonError;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::http::{self, Patience};
use crate::system::interrupt;
use crate::system::output::{OutputError, OutputFile};

const PATIENCE: Patience = Patience { connect: Duration::from_secs(20), stall: Duration::from_secs(60) };
/// The number of attempts, the first one included.
const ATTEMPTS: u32 = 3;
/// How long to wait after an attempt that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest page that is read, in bytes. The longest of PyPI's have 30 MB.
const LONGEST_PAGE: u64 = 256 << 20;
/// How much of an answer is read at a time, in bytes.
const BUFFER: usize = 64 * 1024;

/// The connections to an index.
pub(super) struct Web {
    agent: ureq::Agent,
    host: Option<String>,
    /// The header `Authorization`, for the index's own host alone.
    authorization: Option<String>,
}

/// A page as it was sent.
pub(super) struct IndexAnswer {
    /// What the header `Content-Type` says.
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

enum PageFailure {
    Passing(String),
    Lasting(PythonError),
}

impl Web {
    pub(super) fn new(index: &Url) -> Self {
        let mut settings = http::settings_for(index.as_str(), PATIENCE);
        if let Some(roots) = roots() {
            settings = settings.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let authorization = (!index.username().is_empty()).then(|| {
            let decoded = |text: &str| {
                url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
            };
            let pair = format!("{}:{}", decoded(index.username()), decoded(index.password().unwrap_or_default()));
            format!("Basic {}", STANDARD.encode(pair))
        });
        let host = index.host_str().map(str::to_owned);
        Self { agent: ureq::Agent::new_with_config(settings.build()), host, authorization }
    }

    /// The page of a project; `None` when the index does not know it.
    pub(super) fn page(&self, url: &Url) -> Result<Option<IndexAnswer>, PythonError> {
        self.retry(url, || {
            let mut response = self.ask(url, &format!("{JSON}, text/html;q=0.5"))?;
            if matches!(response.status().as_u16(), 404 | 410) {
                return Ok(None);
            }
            let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let kind = kind.replace('\n', " ");
            let body = response.body_mut().with_config().limit(LONGEST_PAGE).read_to_vec();
            Ok(Some(IndexAnswer { kind, body: body.map_err(|error| PageFailure::Passing(error.to_string()))? }))
        })
    }

    /// Downloads a file to `path`, if it has that digest.
    pub(super) fn save(&self, url: &Url, expected: Sha256, path: &Path) -> Result<(), PythonError> {
        self.retry(url, || {
            let response = self.ask(url, "*/*")?;
            if matches!(response.status().as_u16(), 404 | 410) {
                return Err(PageFailure::Lasting(network(url, "the server does not have it")));
            }
            let output = OutputFile::create(path).map_err(lasting)?;
            let mut writer = HashingWriter::new(output);
            let mut reader = response.into_body().into_reader();
            let mut buffer = vec![0; BUFFER];
            loop {
                if interrupt::requested() {
                    return Err(lasting(interrupt::Interrupted));
                }
                let count = reader.read(&mut buffer).map_err(|error| PageFailure::Passing(error.to_string()))?;
                let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
                let shown = || path.display().to_string();
                writer.write_all(bytes).map_err(|source| lasting(OutputError { path: shown(), source }))?;
            }
            let (output, found, _) = writer.finish();
            if found != expected {
                let url = without_credentials(url).to_string();
                return Err(PageFailure::Lasting(PythonError::Hash { url, expected, found }));
            }
            output.commit_to_cache().map_err(lasting)
        })
    }

    fn ask(&self, url: &Url, accept: &str) -> Result<Response<Body>, PageFailure> {
        let mut request = self.agent.get(without_credentials(url).as_str()).header(ACCEPT, accept);
        if let Some(value) = self.authorization.as_ref().filter(|_| url.host_str() == self.host.as_deref()) {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.call().map_err(|error| PageFailure::Passing(error.to_string()))?;
        let status = response.status();
        match status.as_u16() {
            200 | 404 | 410 => Ok(response),
            408 | 429 | 500.. => Err(PageFailure::Passing(status.to_string())),
            _ => Err(PageFailure::Lasting(network(url, &format!("the server answers {status}")))),
        }
    }

    fn retry<T>(&self, url: &Url, attempt: impl Fn() -> Result<T, PageFailure>) -> Result<T, PythonError> {
        let mut made = 1;
        loop {
            if interrupt::requested() {
                return Err(interrupt::Interrupted.into());
            }
            match attempt() {
                Ok(value) => return Ok(value),
                Err(PageFailure::Lasting(error)) => return Err(error),
                Err(PageFailure::Passing(reason)) if made >= ATTEMPTS => return Err(network(url, &reason)),
                Err(PageFailure::Passing(_)) => thread::sleep(PAUSE.saturating_mul(made)),
            }
            made = made.saturating_add(1);
        }
    }
}

/// The address without user and password, as messages show it.
pub fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for addresses without a host, which have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn network(url: &Url, reason: &str) -> PythonError {
    PythonError::Network { url: without_credentials(url).to_string(), reason: reason.to_owned() }
}

fn lasting(error: impl Into<PythonError>) -> PageFailure {
    PageFailure::Lasting(error.into())
}

/// The file with the certificates of authorities that `PIP_CERT` or `SSL_CERT_FILE` names, else that of this machine. It may
/// be missing.
pub fn authorities() -> PathBuf {
    let named = ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"].into_iter().find_map(env::var_os);
    named.unwrap_or_else(|| "/etc/ssl/certs/ca-certificates.crt".into()).into()
}

/// The certificates of [`authorities`]. `None` when there is no such file, and those that are built in are used.
fn roots() -> Option<RootCerts> {
    let text = fs::read(authorities()).ok()?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then(|| RootCerts::new_with_certs(&certificates))
}
