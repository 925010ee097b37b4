//! The check of a PostgreSQL server: its address → whether it accepts connections.
//!
//! A local server gets a startup packet, as from pg_isready(1) (PostgreSQL, "Message Formats"). A server that asks for
//! a password or refuses the role is healthy. Only the error `57P03` (`cannot_connect_now`) means that it is starting
//! up, shutting down or recovering.
//!
//! A remote server needs TLS before a startup packet, so it is asked whether it supports TLS (PostgreSQL,
//! "SSL Session Encryption"). A server that answers yes or no is running. The app checks the certificate and
//! the password when it connects.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Place, Server};
use crate::tcp;

/// The longest time for connecting, asking and the answer together.
const LIMIT: Duration = Duration::from_secs(5);
/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 3 << 16;
/// The message `SSLRequest`: its length, and a number in the place of the version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The longest message that is read, in bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// The SQLSTATE of a server that is not ready.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// Asks the server at each of its addresses in turn, until one answers. Takes five seconds at most for each.
///
/// # Errors
/// When it answers at none of them. The error is a phrase.
pub fn check(server: &Server, role: &str) -> Result<(), String> {
    let mut failures = Vec::new();
    for place in &server.0 {
        let failure = match place {
            Place::Socket(path) => check_socket(path, role),
            Place::Network(host, port) => check_network(host, *port),
        };
        match failure {
            Ok(()) => return Ok(()),
            Err(why) if server.0.len() == 1 => return Err(why),
            Err(why) => failures.push(format!("{place}: {why}")),
        }
    }
    Err(failures.join(", "))
}

/// Asks whether the server supports TLS.
fn check_network(host: &str, port: u16) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = tcp::connect(host, port, deadline).map_err(|failure| in_words(&failure.error, failure.doing))?;
    let mut ask = || {
        stream.set_write_timeout(Some(tcp::time_left(deadline)?))?;
        stream.write_all(&SSL_REQUEST)?;
        let mut answer = [0; 1];
        stream.set_read_timeout(Some(tcp::time_left(deadline)?))?;
        stream.read_exact(&mut answer).map(|()| answer)
    };
    match ask().map_err(|error| in_words(&error, "the connection broke"))? {
        [b'S' | b'N'] => Ok(()),
        [b'E'] => Err("it refuses all connections".to_owned()),
        _ => Err(NOT_POSTGRESQL.to_owned()),
    }
}

/// Asks the server for a connection as `role` to the database `postgres`. Takes five seconds at most.
///
/// If the role exists and may log in, the server logs no error. The result is the same if it does not.
///
/// # Errors
/// When the server does not accept connections. The error is a phrase.
fn check_socket(socket: &Path, role: &str) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = connect(socket).map_err(|error| in_words(&error, "cannot connect"))?;
    let answer = exchange(&mut stream, role, deadline).map_err(|error| in_words(&error, "the connection broke"))?;
    match answer {
        Answer::Ready => {
            // End the session as clients do. An error is ignored: the server was healthy when it answered.
            _ = stream.write_all(&[b'X', 0, 0, 0, 4]);
            Ok(())
        }
        Answer::Refused { code, .. } if code != CANNOT_CONNECT_NOW => Ok(()),
        Answer::Refused { message, .. } => Err(message),
        Answer::Strange => Err(NOT_POSTGRESQL.to_owned()),
    }
}

const NOT_POSTGRESQL: &str = "something answers that is not PostgreSQL";

#[derive(Debug, PartialEq)]
enum Answer {
    /// The server begins the authentication.
    Ready,
    Refused {
        code: String,
        message: String,
    },
    Strange,
}

/// Connects within [`LIMIT`]. A connection to a Unix socket waits if the queue of the server is full, and the standard
/// library has no time limit for that, so it is made in a thread of its own, which ends with the program.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || sender.send(UnixStream::connect(path)));
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn exchange(stream: &mut UnixStream, role: &str, deadline: Instant) -> io::Result<Answer> {
    stream.set_write_timeout(Some(tcp::time_left(deadline)?))?;
    stream.write_all(&startup_packet(role))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        if let Some(answer) = parse(&bytes) {
            return Ok(answer);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn startup_packet(role: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for text in ["user", role, "database", "postgres", "application_name", "health-check", ""] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    let mut packet = u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(4).to_be_bytes().to_vec();
    packet.append(&mut body);
    packet
}

/// Parses the first message of the server. Returns `None` if it is not complete yet.
fn parse(bytes: &[u8]) -> Option<Answer> {
    match bytes.first()? {
        b'R' => return Some(Answer::Ready),
        b'E' => {}
        _ => return Some(Answer::Strange),
    }
    let length = bytes.get(1..5)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if !(4..LONGEST_MESSAGE).contains(&length) {
        return Some(Answer::Strange);
    }
    let fields = bytes.get(5..=length)?;
    let field = |kind: u8| {
        let text = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[kind]));
        text.map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let Some(code) = field(b'C') else { return Some(Answer::Strange) };
    Some(Answer::Refused { code, message: field(b'M').unwrap_or_default() })
}

fn in_words(error: &io::Error, doing: &str) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer in {} s", LIMIT.as_secs()),
        io::ErrorKind::UnexpectedEof => "it closed the connection without an answer".to_owned(),
        _ => format!("{doing}: {error}"),
    }
}
