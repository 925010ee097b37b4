//! A small HTTP/1.1 server for one client on the same machine (RFC 9112): one request for each connection,
//! and requests have no body.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The longest request head that is read, in bytes.
const HEAD_LIMIT: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a request.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `PUT` …, as sent.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    headers: Vec<(String, String)>,
}

/// An answer, with its whole body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Request {
    /// Reads the first line and the headers of a request.
    ///
    /// # Errors
    /// When the connection fails, or the request is not HTTP/1.
    pub fn read(stream: &TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut lines = BufReader::new(stream.take(HEAD_LIMIT)).lines();
        let mut next = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
        let first = next()?;
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if !version.starts_with("HTTP/1.") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut headers = Vec::new();
        loop {
            let line = next()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let path = target.split('?').next().unwrap_or_default().to_owned();
        Ok(Self { method: method.to_owned(), path, headers })
    }

    /// The value of a header. `name` must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// An answer in plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain", body: body.into() }
    }

    /// An answer in JSON, with status 200.
    pub fn json(value: &serde_json::Value) -> Self {
        Self { status: 200, content_type: "application/json", body: value.to_string() }
    }

    /// Writes the answer, and says that the connection ends with it.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            401 => "Unauthorized",
            404 => "Not Found",
            _ => "Method Not Allowed",
        };
        let Self { status, content_type, body } = self;
        let length = body.len();
        stream.write_all(
            format!(
                "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            )
            .as_bytes(),
        )
    }
}
