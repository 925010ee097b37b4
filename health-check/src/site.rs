//! The check of a web site: its address → the answer to a GET request over HTTP/1.1 (RFC 9112), and
//! the time that it took.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport};
use ureq::{Agent, Error};

use crate::url::Url;

/// The longest time for resolving the name, connecting, the request and the whole answer together.
pub const LIMIT: Duration = Duration::from_secs(5);
/// The number of bytes of a body that are read. A site that has sent so many is healthy.
const LONGEST_BODY: u64 = 1024 * 1024;
/// The longest status line with headers, in bytes. It is also the size of the buffer.
const BUFFER: usize = 16 * 1024;

/// The result of the check of a site.
#[derive(Debug)]
pub struct Answer {
    /// `None` if the status line and the headers were not complete.
    pub status: Option<u16>,
    /// The time from the first packet to the end of the answer, or to the error.
    pub took: Duration,
    /// A phrase. `None` if the site is healthy: it has sent a whole answer with status 200.
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
    // Redirections and errors are answers. No proxy is used, because it would answer in the place of the site.
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

/// Remembers whether anything was received: ureq has the same error for a connection that is closed before the answer
/// and for one that is closed within it.
#[derive(Debug)]
struct Answered(Arc<AtomicBool>);

/// The connection whose first received byte is remembered.
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
