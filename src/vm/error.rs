//! Why there is no machine, or no longer: QEMU's refusals and the console's last words come in; sentences go out.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use super::monitor::MonitorError;
use super::qemu::QEMU;
use super::scratch::ScratchError;

/// Why there is no machine, or no longer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MachineError {
    /// QEMU is not installed.
    #[error("{QEMU} is not installed, or not on the PATH")]
    #[diagnostic(help("Debian, Ubuntu: apt install qemu-system-x86; Fedora: dnf install qemu-system-x86-core"))]
    NoQemu,
    /// A port of this computer cannot be had.
    #[error("port {port} of this computer cannot be forwarded to the machine: {source}")]
    #[diagnostic(help("another program listens there; choose another port, or 0 for any that is free"))]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No disks.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scratch(#[from] ScratchError),
    /// It did not even begin.
    #[error("cannot start the machine: {0}")]
    #[diagnostic(help("check that this computer has memory and processes left, and that the QEMU on the PATH runs"))]
    Start(#[source] io::Error),
    /// QEMU ended.
    #[error("the machine ended ({status}){}", Quoted(.said))]
    Ended {
        /// How.
        status: ExitStatus,
        /// What QEMU said, or the console's last lines.
        said: String,
    },
    /// The console says that it goes no further.
    #[error("the machine does not come up: {why}{}", Quoted(.said))]
    Failed {
        /// What happened.
        why: &'static str,
        /// The console's last lines.
        said: String,
    },
    /// The kernel panicked by a fault of the emulator's. Another boot usually comes up.
    #[error("the kernel panicked by a fault of QEMU's emulation (int3 before the first process){}", Quoted(.said))]
    #[diagnostic(help("boot it again; `--cpus 1` or a computer with KVM avoids the fault"))]
    EmulatorPanic {
        /// The console's last lines.
        said: String,
    },
    /// It took too long.
    #[error("{what} after {seconds} s{}", Quoted(.said))]
    #[diagnostic(help(
        "without KVM a boot takes minutes: `--timeout` gives it more time; the console tells how far it came"
    ))]
    Late {
        /// What did not happen.
        what: String,
        /// How long it was given.
        seconds: u64,
        /// The console's last lines.
        said: String,
    },
    /// The monitor.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// The user gave up.
    #[error(transparent)]
    Interrupted(io::Error),
}

/// Someone else's words, below ours, if there are any.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; the last it said:")?;
        self.0.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
