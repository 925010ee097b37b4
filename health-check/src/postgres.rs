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
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::server::{Place, Server};

/// The longest time for looking up a name, connecting, asking and the answer together.
const LIMIT: Duration = Duration::from_secs(5);
/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 3 << 16;
/// The message `SSLRequest`: its length, and a number where the version is otherwise.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The message `Terminate`, with which clients end a session.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];
/// How much of a message is read, in bytes.
const LONGEST_MESSAGE: u64 = 64 * 1024;
/// The SQLSTATE of a server that is not ready.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";
const NOT_POSTGRESQL: &str = "something answers that is not PostgreSQL";

/// Asks the server at each of its addresses in turn, until one answers. Takes five seconds at most for each.
///
/// # Errors
/// When it answers at none of them. The error is a phrase.
pub fn check(server: &Server, role: &str) -> Result<(), String> {
    let mut failures = Vec::new();
    for place in &server.0 {
        match check_place(place.clone(), role.to_owned()) {
            Ok(()) => return Ok(()),
            Err(why) if server.0.len() == 1 => return Err(why),
            Err(why) => failures.push(format!("{place}: {why}")),
        }
    }
    Err(failures.join(", "))
}

/// Asks within [`LIMIT`]. The system has no time limit for looking up a name, and none for connecting to a Unix socket
/// whose queue is full. So this is done in a thread of its own, which ends with the program.
fn check_place(place: Place, role: String) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        sender.send(match place {
            Place::Socket(path) => UnixStream::connect(path).map_err(not_connected).and_then(|it| log_in(it, &role)),
            Place::Network(host, port) => connect(&host, port).and_then(ask_for_tls),
        })
    });
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| Err(format!("no answer in {} s", LIMIT.as_secs())))
}

/// Connects to the first address of the host that accepts the connection.
fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = (host, port).to_socket_addrs().map_err(|error| format!("cannot look up its name: {error}"))?;
    let addresses: Vec<_> = addresses.collect();
    TcpStream::connect(addresses.as_slice()).map_err(not_connected)
}

/// Asks whether the server supports TLS.
fn ask_for_tls(mut stream: TcpStream) -> Result<(), String> {
    match first_byte(&mut stream, &SSL_REQUEST)? {
        b'S' | b'N' => Ok(()),
        b'E' => Err("it refuses all connections".to_owned()),
        _ => Err(NOT_POSTGRESQL.to_owned()),
    }
}

/// Asks the server for a connection as `role` to the database `postgres`, and reads its first message.
///
/// If the role exists and may log in, the server logs no error. The result is the same if it does not.
fn log_in(mut stream: UnixStream, role: &str) -> Result<(), String> {
    match first_byte(&mut stream, &startup_packet(role))? {
        // The server begins the authentication.
        b'R' => {
            // An error is ignored: the server was healthy when it answered.
            _ = stream.write_all(&TERMINATE);
            Ok(())
        }
        b'E' => refusal(stream),
        _ => Err(NOT_POSTGRESQL.to_owned()),
    }
}

/// The first byte of the answer to a request.
fn first_byte(stream: &mut (impl Read + Write), request: &[u8]) -> Result<u8, String> {
    let mut byte = [0];
    stream.write_all(request).and_then(|()| stream.read_exact(&mut byte)).map_err(broken)?;
    Ok(byte[0])
}

/// Reads an error of the server after its first byte.
fn refusal(mut stream: UnixStream) -> Result<(), String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(broken)?;
    // The length is also that of itself.
    let length = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
    let mut fields = Vec::new();
    stream.take(length.min(LONGEST_MESSAGE)).read_to_end(&mut fields).map_err(broken)?;
    let field = |kind: u8| fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[kind]));
    match field(b'C') {
        None => Err(NOT_POSTGRESQL.to_owned()),
        Some(CANNOT_CONNECT_NOW) => Err(String::from_utf8_lossy(field(b'M').unwrap_or_default()).into_owned()),
        Some(_) => Ok(()),
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

fn not_connected(error: io::Error) -> String {
    format!("cannot connect: {error}")
}

fn broken(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it closed the connection without an answer".to_owned(),
        _ => format!("the connection broke: {error}"),
    }
}
