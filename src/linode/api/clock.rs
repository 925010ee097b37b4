//! The clock, which tests replace, and work on the network that an interrupt ends at once.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::interrupt::{self, Interrupted};

/// How long an interrupt may go unnoticed.
const SLICE: Duration = Duration::from_millis(100);

/// Tells the time and waits.
pub trait Clock: fmt::Debug {
    /// The time since the clock was made.
    fn now(&self) -> Duration;

    /// # Errors
    /// [`Interrupted`] within 100 ms after the user has interrupted.
    fn sleep(&self, pause: Duration) -> Result<(), Interrupted>;

    /// Waits that long, even after an interrupt: before another attempt at a request that must be finished.
    fn rest(&self, pause: Duration) {
        // A clock that only pretends to wait is not interrupted.
        drop(self.sleep(pause));
    }
}

/// The monotonic clock of this computer, which no change of the time of day moves.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn rest(&self, pause: Duration) {
        thread::sleep(pause);
    }

    fn sleep(&self, pause: Duration) -> Result<(), Interrupted> {
        let end = self.now().saturating_add(pause);
        loop {
            if interrupt::requested() {
                return Err(Interrupted);
            }
            match end.saturating_sub(self.now()) {
                Duration::ZERO => return Ok(()),
                rest => thread::sleep(rest.min(SLICE)),
            }
        }
    }
}

/// Does work that may wait long for the network, on a thread of its own. After an interrupt the thread is left behind, so
/// the work must not be something whose end has to be known.
///
/// # Errors
/// When the user interrupts, no thread can be started, or the work panics.
pub(in crate::linode) fn interruptible<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = sync_channel(1);
    // After an interrupt nobody receives the result, and sending it fails.
    thread::Builder::new().spawn(move || drop(done.send(work())))?;
    loop {
        match result.recv_timeout(SLICE) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => interrupt::check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the transfer broke down")),
        }
    }
}
