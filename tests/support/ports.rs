//! Ports of this computer's loopback address that nobody listens on.

use std::net::TcpListener;

/// A port that refuses every connection. The system gives it to no program that asks for any port, and the service that it
/// is meant for (tcpmux, RFC 1078) is in no Debian.
pub const DEAD_PORT: u16 = 1;

/// A port that nobody listens on now. Another program may take it before it is used.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
