//! Waiting: the clock, which tests replace, how long and how often anything is waited for, and how an interrupt is
//! noticed while the network keeps silent.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::interrupt::{self, Interrupted};

/// How soon an interrupt is noticed.
const SLICE: Duration = Duration::from_millis(100);

/// What tells the time and lets it pass.
pub trait Clock: fmt::Debug {
    /// The time since the clock was made.
    fn now(&self) -> Duration;

    /// Waits.
    ///
    /// # Errors
    /// [`Interrupted`] as soon as the user interrupts.
    fn sleep(&self, pause: Duration) -> Result<(), Interrupted>;
}

/// The machine's own clock, which is never set back.
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

    fn sleep(&self, pause: Duration) -> Result<(), Interrupted> {
        let end = self.now() + pause;
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

/// How long Linode is waited for, and how often it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection to be made.
    pub connect: Duration,
    /// Without a single byte, in either direction.
    pub stall: Duration,
    /// For the object storage's answer once it has the whole file.
    pub stored: Duration,
    /// Attempts at one request or transfer, 1 or more.
    pub attempts: u32,
    /// The pause after the first failure; it doubles each time.
    pub pause: Duration,
    /// How often one request may be put off by "too many requests".
    pub deferrals: u32,
    /// The longest pause that "too many requests" may ask for.
    pub longest_deferral: Duration,
    /// The pause before an image is asked after for the second time; it grows by half each time.
    pub first_poll: Duration,
    /// Up to this.
    pub longest_poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(20),
            stall: seconds(60),
            stored: seconds(300),
            attempts: 4,
            pause: seconds(1),
            deferrals: 10,
            longest_deferral: seconds(300),
            first_poll: seconds(1),
            longest_poll: seconds(15),
        }
    }
}

impl Limits {
    /// The pause after so many failures, 1 or more.
    pub fn pause_after(&self, failures: u32) -> Duration {
        self.pause * (1 << failures.saturating_sub(1).min(5))
    }

    /// The pause after one of that length when an image is asked after.
    pub fn next_poll(&self, pause: Duration) -> Duration {
        (pause + pause / 2).min(self.longest_poll)
    }
}

/// Does work that may wait long for the network, on a thread of its own that is left behind when the user interrupts.
///
/// # Errors
/// When the user interrupts, or the work cannot be begun or breaks down.
pub(in crate::linode) fn interruptible<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = sync_channel(1);
    // Nobody waits for the result after an interrupt.
    thread::Builder::new().spawn(move || drop(done.send(work())))?;
    loop {
        match result.recv_timeout(SLICE) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => interrupt::check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the transfer broke down")),
        }
    }
}
