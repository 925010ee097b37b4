//! Joins standard input and output to a TCP address. QEMU starts it for each connection that the machine makes to the
//! metadata service's address (`guestfwd=…-cmd:`), so it is this very program with a hidden first argument.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::{env, thread};

use crate::system::print;

/// The hidden first argument; the address follows.
pub const ARGUMENT: &str = "metadata-pump";

/// Runs as the pump when the program was started as one. To be called before the command line is parsed.
pub fn main() -> Option<ExitCode> {
    let mut arguments = env::args().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    match run(&arguments.next().unwrap_or_default()) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            print::note(format_args!("{ARGUMENT}: {error}"));
            Some(ExitCode::FAILURE)
        }
    }
}

/// Carries bytes both ways until the server closes the connection.
///
/// # Errors
/// When the address is not valid, nobody listens there, or standard input or output fails.
pub fn run(address: &str) -> io::Result<()> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect(address)?;
    let to_server = stream.try_clone()?;
    // Ends with the process: there is no way to wake a thread that waits on standard input.
    thread::spawn(move || {
        let _ = carry(io::stdin(), &to_server);
        to_server.shutdown(Shutdown::Write)
    });
    carry(&stream, io::stdout())
}

/// Copies, with a flush after each piece, so that no answer waits in a buffer.
fn carry(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return Ok(()) };
        to.write_all(piece)?;
        to.flush()?;
    }
}
