//! The process outside the user namespace: it passes signals to the process inside, and ends in the
//! same way as that one.

use std::process;

use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The signals that the process outside waits for: the end of its child, and those that it passes on.
pub(super) fn signals() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Waits for the end of the process inside, and ends in the same way: with its exit status, or by the same signal.
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
            // A signal of the terminal (Ctrl-C) has reached all processes of the group already. If it was passed on,
            // the process inside would get it twice, which means "end at once".
            Ok(signal) if !from_kernel => drop(signal::kill(child, signal)),
            _ => {}
        }
    }
}

/// Waits for the next signal. Returns its number, and whether the kernel sent it, as it does for
/// the keys of a terminal.
fn next_signal(waited_for: &SigSet) -> (i32, bool) {
    // SAFETY: a `siginfo_t` of zeroes is valid. sigwaitinfo writes to it and does not keep the pointer.
    let (number, info) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        (libc::sigwaitinfo(waited_for.as_ref(), &raw mut info), info)
    };
    (number, info.si_code == libc::SI_KERNEL)
}

fn end_by(signal: Signal) -> ! {
    // SAFETY: the default action runs no code of this program, so no handler can be unsafe.
    let _ = unsafe { signal::signal(signal, signal::SigHandler::SigDfl) };
    let _ = SigSet::all().thread_unblock();
    let _ = signal::raise(signal);
    process::exit(128_i32.saturating_add(signal as i32))
}
