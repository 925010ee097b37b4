//! TCP connections: the name and port of a host → a stream, within a time limit.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Why there is no connection.
#[derive(Debug)]
pub struct Failure {
    /// A phrase with what was being done.
    pub doing: &'static str,
    /// `TimedOut` if the time limit was reached.
    pub error: io::Error,
}

/// Connects to the first address of the host that accepts the connection.
///
/// # Errors
/// When the name has no address, no address accepts the connection, or the time is over.
pub fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Failure> {
    let addresses =
        addresses(host, port, deadline).map_err(|error| Failure { doing: "cannot look up its name", error })?;
    let mut last = io::Error::other("it has no address");
    for address in addresses {
        match time_left(deadline).and_then(|left| TcpStream::connect_timeout(&address, left)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(Failure { doing: "cannot connect", error: last })
}

/// Looks up the addresses of the host. The C library has no time limit for that, so it is done in a thread of its own.
fn addresses(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let host = host.to_owned();
    thread::spawn(move || sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect)));
    receiver.recv_timeout(time_left(deadline)?).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Returns the time until the deadline. It is never zero, which would mean no limit for a socket.
///
/// # Errors
/// `TimedOut` after the deadline.
pub fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
