//! A web site: its address comes in; what it answers to a GET over HTTP/1.1 (RFC 9112), and how fast, goes out.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::tcp;
use crate::url::Url;

/// The time for name, connection, request and the whole answer together.
pub const LIMIT: Duration = Duration::from_secs(5);
/// The longest status line and headers, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// What is read of a body, in bytes; a site that has sent so much is well.
const LONGEST_BODY: usize = 1024 * 1024;

/// What came of asking a site.
#[derive(Debug)]
pub struct Answer {
    /// The status, once its line came whole.
    pub status: Option<u16>,
    /// From the first packet to the end of the answer, or to the failure.
    pub took: Duration,
    /// What went wrong, in words; `None` when the site is well, that is, when it sent a whole answer with status 200.
    pub error: Option<String>,
}

/// Sends a GET and reads the answer to its end. Takes five seconds at most.
pub fn ask(url: &Url, host: Option<&str>) -> Answer {
    let started = Instant::now();
    let mut status = None;
    let deadline = started + LIMIT;
    let connected =
        tcp::connect(&url.host, url.port, deadline).map_err(|failure| in_words(&failure.error, failure.doing));
    let result = connected.and_then(|stream| {
        let mut exchange = Exchange { stream, deadline };
        exchange.send(host.unwrap_or(&url.authority), &url.target)?;
        exchange.receive(&mut status)
    });
    let error = match (result, status) {
        (Err(error), _) => Some(error),
        (Ok(()), Some(200)) => None,
        (Ok(()), Some(other)) => Some(format!("it answered {other}, not 200")),
        (Ok(()), None) => Some(NOT_HTTP.to_owned()),
    };
    Answer { status, took: started.elapsed(), error }
}

const NOT_HTTP: &str = "it answered something that is not HTTP";

struct Exchange {
    stream: TcpStream,
    deadline: Instant,
}

impl Exchange {
    fn send(&mut self, host: &str, target: &str) -> Result<(), String> {
        let agent = concat!("health-check/", env!("CARGO_PKG_VERSION"));
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        tcp::time_left(self.deadline)
            .and_then(|left| self.stream.set_write_timeout(Some(left)))
            .and_then(|()| self.stream.write_all(request.as_bytes()))
            .map_err(|error| in_words(&error, "cannot send the request"))
    }

    /// Reads more into `bytes`; false at the end.
    fn more(&mut self, bytes: &mut Vec<u8>) -> Result<bool, String> {
        let mut buffer = [0; 4096];
        let count = tcp::time_left(self.deadline)
            .and_then(|left| self.stream.set_read_timeout(Some(left)))
            .and_then(|()| read_some(&mut self.stream, &mut buffer))
            .map_err(|error| in_words(&error, "the connection broke"))?;
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    /// Reads the answer until it is whole; the status is known earlier than that.
    fn receive(&mut self, status: &mut Option<u16>) -> Result<(), String> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                let head = Head::parse(bytes.get(..end).unwrap_or_default()).ok_or(NOT_HTTP)?;
                bytes.drain(..end + 4);
                // 100 to 199 announce an answer, and are none.
                if head.status >= 200 {
                    break head;
                }
            } else if bytes.len() > LONGEST_HEAD || !begins_as_http(&bytes) {
                return Err(NOT_HTTP.to_owned());
            } else if !self.more(&mut bytes)? {
                return Err(match bytes.len() {
                    0 => "it closed the connection without an answer".to_owned(),
                    _ => "it closed the connection in the middle of the answer".to_owned(),
                });
            }
        };
        *status = Some(head.status);
        let mut received = bytes.len();
        // Of the body, only its length and its end matter.
        while !head.is_complete(received, &bytes) && received < LONGEST_BODY {
            let before = bytes.len();
            if !self.more(&mut bytes)? {
                return match head.length {
                    Length::UntilClose => Ok(()),
                    _ => Err("it closed the connection in the middle of the answer".to_owned()),
                };
            }
            received += bytes.len() - before;
            bytes.drain(..bytes.len().saturating_sub(LAST_CHUNK.len()));
        }
        Ok(())
    }
}

/// The end of a body that comes in chunks, when nothing follows it (RFC 9112 section 7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Debug, PartialEq)]
enum Length {
    Bytes(usize),
    Chunked,
    UntilClose,
}

#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    length: Length,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        words.next()?.strip_prefix("HTTP/1.")?;
        let status = words.next().filter(|word| word.len() == 3)?.parse().ok().filter(|code| *code >= 100)?;
        let mut length = Length::UntilClose;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            } else if name.eq_ignore_ascii_case("content-length") && length != Length::Chunked {
                length = Length::Bytes(value.trim().parse().ok()?);
            }
        }
        if matches!(status, 204 | 304) {
            length = Length::Bytes(0);
        }
        Some(Self { status, length })
    }

    fn is_complete(&self, received: usize, last: &[u8]) -> bool {
        match self.length {
            Length::Bytes(count) => received >= count,
            Length::Chunked => last.ends_with(LAST_CHUNK),
            Length::UntilClose => false,
        }
    }
}

fn begins_as_http(bytes: &[u8]) -> bool {
    bytes.iter().zip(b"HTTP/1.").all(|(is, should)| is == should)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn in_words(error: &io::Error, doing: &str) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => no_answer(),
        _ => format!("{doing}: {error}"),
    }
}

fn no_answer() -> String {
    format!("no whole answer in {} s", LIMIT.as_secs())
}
