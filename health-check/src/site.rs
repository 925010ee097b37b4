//! The check of a web site: its address → the answer to a GET request over HTTP/1.1 (RFC 9112), and
//! the time that it took.

use std::io::{self, Read};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use serde::Serialize;
use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};
use ureq::{Agent, Error};

/// The longest time for resolving the name, connecting, the request and the whole answer together.
pub const LIMIT: Duration = Duration::from_secs(5);
/// How many bytes of a body are read. A site that has sent them is healthy, whatever follows.
const LONGEST_BODY: u64 = 1024 * 1024;
/// The longest status line with headers, in bytes. It is also the size of the buffer.
const BUFFER: usize = 16 * 1024;

/// The result of the check of a site.
#[derive(Serialize)]
pub struct SiteResult {
    pub url: String,
    /// Whether it has sent a whole answer with status 200.
    healthy: bool,
    /// `None` if the status line and the headers were not complete.
    pub status: Option<u16>,
    /// The time from the first packet to the end of the answer, or to the error.
    pub milliseconds: u64,
    /// A phrase. `None` if the site is healthy.
    pub error: Option<String>,
}

/// Sends a GET and reads the answer to its end. Takes five seconds at most.
pub fn ask(url: &str, host: Option<&str>) -> SiteResult {
    let started = Instant::now();
    let mut status = None;
    let error = match (exchange(url, host, &mut status), status) {
        (Err(error), _) => Some(in_words(&error, status.is_some())),
        (Ok(()), Some(200)) => None,
        (Ok(()), other) => Some(format!("it answered {}, not 200", other.unwrap_or_default())),
    };
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    SiteResult { url: url.to_owned(), healthy: error.is_none(), status, milliseconds, error }
}

/// Checks the address of a site, `http://HOST[:PORT][/PATH][?QUERY]` (RFC 3986, RFC 9110 section 4.2.1).
///
/// # Errors
/// When it is another text. The error is a phrase.
pub fn address(text: &str) -> Result<String, &'static str> {
    const FORM: &str =
        "it is not http://HOST:PORT/PATH in ASCII, without a user's name and without `#`; :PORT may be missing";
    let uri: Uri = text.parse().map_err(|_| FORM)?;
    let (host, authority) = (uri.host().unwrap_or_default(), uri.authority().map_or("", Authority::as_str));
    let port = authority.strip_prefix(host).ok_or(FORM)?;
    let is_number = |digits: &str| !digits.starts_with('+') && digits.parse::<NonZeroU16>().is_ok();
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
    let fits = uri.scheme() == Some(&Scheme::HTTP) && !host.is_empty() && is_port;
    (fits && text.is_ascii() && !text.contains('#')).then(|| text.to_owned()).ok_or(FORM)
}

fn exchange(url: &str, host: Option<&str>, status: &mut Option<u16>) -> Result<(), Error> {
    // Redirections and errors are answers. No proxy is used, because it would answer instead of the site.
    let config = Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("health-check/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(BUFFER)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .build();
    let mut request = Agent::new_with_config(config).get(url).header("Connection", "close");
    if let Some(host) = host {
        request = request.header("Host", host);
    }
    let mut response = request.call()?;
    *status = Some(response.status().as_u16());
    // The content of the body is not used, only whether it ends.
    io::copy(&mut response.body_mut().as_reader().take(LONGEST_BODY), &mut io::sink())?;
    Ok(())
}

fn in_words(error: &Error, answered: bool) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    match error {
        Error::Timeout(_) => no_answer(),
        Error::HostNotFound => "cannot look up its name: it has no address".to_owned(),
        Error::ConnectionFailed => "cannot connect".to_owned(),
        Error::Io(error) => match error.kind() {
            TimedOut | WouldBlock => no_answer(),
            UnexpectedEof if answered => "it closed the connection in the middle of the answer".to_owned(),
            UnexpectedEof => "it closed the connection without a whole answer".to_owned(),
            _ if answered => format!("the connection broke: {error}"),
            BrokenPipe | ConnectionAborted | ConnectionReset => format!("the connection broke: {error}"),
            _ => format!("cannot connect: {error}"),
        },
        _ => "it answered something that is not HTTP".to_owned(),
    }
}

fn no_answer() -> String {
    format!("no whole answer in {} s", LIMIT.as_secs())
}
