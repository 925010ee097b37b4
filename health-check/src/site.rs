//! The check of a web site: its address → the answer to a GET request over HTTP/1.1 (RFC 9112), and the time that it
//! took.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport};
use ureq::{Agent, Error};

use crate::url::Url;

/// The time for name, connection, request and the whole answer together.
pub const LIMIT: Duration = Duration::from_secs(5);
/// What is read of a body, in bytes; a site that has sent so much is well.
const LONGEST_BODY: u64 = 1024 * 1024;
/// The longest status line and headers, in bytes; also what is read at once.
const BUFFER: usize = 16 * 1024;

/// What came of asking a site.
#[derive(Debug)]
pub struct Answer {
    /// The status, once the head of the answer came whole.
    pub status: Option<u16>,
    /// From the first packet to the end of the answer, or to the failure.
    pub took: Duration,
    /// What went wrong, in words; `None` when the site is well, that is, when it sent a whole answer with status 200.
    pub error: Option<String>,
}

/// Sends a GET and reads the answer to its end. Takes five seconds at most.
pub fn ask(url: &Url, host: Option<&str>) -> Answer {
    let started = Instant::now();
    let answered = Arc::new(AtomicBool::new(false));
    let mut status = None;
    let result = exchange(url, host, Answered(answered.clone()), &mut status);
    let error = match (result, status) {
        (Err(error), _) => Some(in_words(&error, answered.load(Ordering::Relaxed))),
        (Ok(()), Some(200)) => None,
        (Ok(()), other) => Some(format!("it answered {}, not 200", other.unwrap_or_default())),
    };
    Answer { status, took: started.elapsed(), error }
}

fn exchange(url: &Url, host: Option<&str>, answered: Answered, status: &mut Option<u16>) -> Result<(), Error> {
    // Redirections and errors are answers; a proxy that the environment names would answer for the site.
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
    let agent = Agent::with_parts(config, TcpConnector::default().chain(answered), DefaultResolver::default());
    let mut request = agent.get(url.as_str()).header("Connection", "close");
    if let Some(host) = host {
        request = request.header("Host", host);
    }
    let mut response = request.call()?;
    *status = Some(response.status().as_u16());
    // Of the body, only its length and its end matter.
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
            UnexpectedEof => "it closed the connection without an answer".to_owned(),
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

/// Notes whether anything has come over the connection: ureq's error for one that is closed is the same before the
/// answer and within it.
#[derive(Debug)]
struct Answered(Arc<AtomicBool>);

/// A connection that does so.
#[derive(Debug)]
struct Watched<T> {
    connection: T,
    answered: Arc<AtomicBool>,
}

impl<In: Transport> Connector<In> for Answered {
    type Out = Watched<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, connection: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(connection.map(|connection| Watched { connection, answered: self.0.clone() }))
    }
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.connection.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let came = self.connection.await_input(timeout)?;
        self.answered.fetch_or(came, Ordering::Relaxed);
        Ok(came)
    }

    fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }
}
