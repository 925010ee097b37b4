//! SIGINT and SIGTERM. Long work calls [`check`] again and again and ends with an error after a signal, so that
//! unfinished files are removed as after any other error. A second signal ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status after an interrupt: 128 + SIGINT, which is what shells report.
pub const EXIT_STATUS: u8 = 130;

fn requested_flag() -> &'static Arc<AtomicBool> {
    static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    REQUESTED.get_or_init(Arc::default)
}

/// The user has sent SIGINT (Ctrl-C) or SIGTERM.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Installs the handlers of both signals. Call it once, when the program starts.
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

/// Whether a signal was received. Costs one atomic load.
pub fn requested() -> bool {
    requested_flag().load(Ordering::Relaxed)
}

/// Fails if a signal was received. Costs one atomic load.
///
/// # Errors
/// [`Interrupted`], within an [`io::Error`] so that readers and writers pass it on. Its kind is `Other`, because the
/// standard library tries again after an error of the kind `Interrupted`.
pub fn check() -> io::Result<()> {
    if requested() { Err(io::Error::other(Interrupted)) } else { Ok(()) }
}
