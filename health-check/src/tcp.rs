//! TCP connections: the name and port of a host → a stream, within a time limit.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What went wrong, and in doing what.
#[derive(Debug)]
pub struct Failure {
    /// In words.
    pub doing: &'static str,
    /// `TimedOut` when the limit was reached.
    pub error: io::Error,
}

/// Connects to the first of the host's addresses that lets it.
///
/// # Errors
/// When the name has no address, nobody answers, or the time is over.
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

/// The addresses of the host. The C library's lookup knows no time limit, so it has a thread to itself.
fn addresses(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let host = host.to_owned();
    thread::spawn(move || sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect)));
    receiver.recv_timeout(time_left(deadline)?).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What is left until the deadline. It is never zero, which a socket would take for no limit at all.
///
/// # Errors
/// `TimedOut` when it is over.
pub fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
