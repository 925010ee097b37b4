//! Signals. After SIGINT or SIGTERM, long work, which calls [`check`] again and again, ends with an error, so that
//! unfinished files are removed as after any other error. A second signal, more than 1000 ms later, ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Signals within this many milliseconds count as one: `timeout` sends one to the process and one to its group.
const SAME: u64 = 1000;

/// The first signal; 0 before it.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// When it came: milliseconds after [`BEGIN`], plus 1; 0 before it.
static RECEIVED: AtomicU64 = AtomicU64::new(0);
static BEGIN: OnceLock<Instant> = OnceLock::new();

/// The user has sent SIGINT (Ctrl-C) or SIGTERM.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Installs the handlers of both signals, and one for SIGXFSZ: without it, a file that becomes larger than `ulimit -f`
/// allows would end the process instead of ending in an error. Call it once, when the program starts.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn install() -> io::Result<()> {
    BEGIN.get_or_init(Instant::now);
    for signal in [SIGINT, SIGTERM] {
        // SAFETY: the handler only uses atomic variables, the clock and _exit, which all may be used in a handler
        // (signal-safety(7)). It does not panic.
        unsafe { low_level::register(signal, move || receive(signal)) }?;
    }
    flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

fn receive(signal: i32) {
    let elapsed = BEGIN.get().map_or(0, |begin| begin.elapsed().as_millis());
    let now = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1);
    match RECEIVED.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => SIGNAL.store(signal, Ordering::Relaxed),
        Err(first) if now.saturating_sub(first) > SAME => low_level::exit(i32::from(exit_status())),
        Err(_) => {}
    }
}

/// The exit status after a signal, as shells report it: 130 (128 + SIGINT) or 143 (128 + SIGTERM).
pub fn exit_status() -> u8 {
    let signal = SIGNAL.load(Ordering::Relaxed);
    u8::try_from(signal).unwrap_or_default().saturating_add(128)
}

/// Whether a signal was received. Costs one atomic load.
pub fn requested() -> bool {
    SIGNAL.load(Ordering::Relaxed) != 0
}

/// Fails if a signal was received. Costs one atomic load.
///
/// # Errors
/// [`Interrupted`], within an [`io::Error`] so that readers and writers pass it on. Its kind is `Other`, because the
/// standard library tries again after an error of the kind `Interrupted`.
pub fn check() -> io::Result<()> {
    if requested() { Err(io::Error::other(Interrupted)) } else { Ok(()) }
}
