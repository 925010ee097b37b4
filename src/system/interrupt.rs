//! The end of work on SIGINT or SIGTERM: long work asks [`check`] now and then and gives up as on any other error, so
//! that everything unfinished is removed on the way out. A second signal ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status after an interrupt: 128 + SIGINT, as shells report it.
pub const EXIT_STATUS: u8 = 130;

fn requested_flag() -> &'static Arc<AtomicBool> {
    static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    REQUESTED.get_or_init(Arc::default)
}

/// The user asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Begins to listen for both signals. To be called once, when the program starts.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn install() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, i32::from(EXIT_STATUS), Arc::clone(requested_flag()))?;
        flag::register(signal, Arc::clone(requested_flag()))?;
    }
    Ok(())
}

/// Whether a signal has come.
pub fn requested() -> bool {
    requested_flag().load(Ordering::Relaxed)
}

/// Fails when a signal has come; costs one atomic load.
///
/// # Errors
/// [`Interrupted`], as an [`io::Error`] so that it passes through readers and writers (its kind is `Other`: the
/// standard library tries again on `Interrupted`).
pub fn check() -> io::Result<()> {
    if requested() { Err(io::Error::other(Interrupted)) } else { Ok(()) }
}
