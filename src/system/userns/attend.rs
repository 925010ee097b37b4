//! The process outside, once the one inside runs: it passes signals on, and ends as that one ends.

use std::process;

use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What the process outside waits for: the end of the one inside, and signals for it.
pub(super) fn signals() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Waits for the end of the process inside, and ends in the same way.
pub(super) fn attend(child: Pid, waited_for: &SigSet) -> ! {
    loop {
        let (number, from_kernel) = next_signal(waited_for);
        match Signal::try_from(number) {
            Ok(Signal::SIGCHLD) => match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, status)) => process::exit(status),
                Ok(WaitStatus::Signaled(_, signal, _)) => end_by(signal),
                Err(_) => process::exit(1),
                Ok(_) => {}
            },
            // What the terminal sends (Ctrl-C) has reached every process of the group; a second one would mean
            // "stop at once".
            Ok(signal) if !from_kernel => drop(signal::kill(child, signal)),
            _ => {}
        }
    }
}

/// The next of those signals, and whether the kernel itself sent it, as it does for a terminal's keys.
fn next_signal(waited_for: &SigSet) -> (i32, bool) {
    // SAFETY: `siginfo_t` is plain data for which all zeroes are valid; the call fills it and keeps no pointer.
    let (number, info) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        (libc::sigwaitinfo(waited_for.as_ref(), &raw mut info), info)
    };
    (number, info.si_code == libc::SI_KERNEL)
}

fn end_by(signal: Signal) -> ! {
    // SAFETY: the default action is no handler of ours.
    let _ = unsafe { signal::signal(signal, signal::SigHandler::SigDfl) };
    let _ = SigSet::all().thread_unblock();
    let _ = signal::raise(signal);
    process::exit(128_i32.saturating_add(signal as i32))
}
