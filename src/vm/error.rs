//! The errors of a machine: what QEMU, the system or the console said, as a sentence with advice.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use super::monitor::MonitorError;
use super::qemu::QEMU;
use super::scratch::ScratchError;

/// Why a machine cannot be started, or has ended.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MachineError {
    #[error("{QEMU} is not installed, or not on the PATH")]
    #[diagnostic(help("Debian, Ubuntu: apt install qemu-system-x86; Fedora: dnf install qemu-system-x86-core"))]
    NoQemu,
    /// A port of this computer is taken or not allowed.
    #[error("port {port} of this computer cannot be forwarded to the machine: {source}")]
    #[diagnostic(help("another program listens there; choose another port, or 0 for any that is free"))]
    Port {
        port: u16,
        #[source]
        source: io::Error,
    },
    /// The machine's disks cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scratch(#[from] ScratchError),
    /// The system refused a process, a thread or a socket.
    #[error("cannot start the machine: {0}")]
    #[diagnostic(help("check that this computer has memory and processes left, and that the QEMU on the PATH runs"))]
    Start(#[source] io::Error),
    #[error("the machine ended ({status}){}", Quoted(.said))]
    Ended {
        status: ExitStatus,
        /// QEMU's own message, or the last lines of the console.
        said: String,
    },
    /// The console shows that the boot has failed.
    #[error("the machine does not come up: {why}{}", Quoted(.said))]
    Failed {
        why: &'static str,
        /// The last lines of the console.
        said: String,
    },
    /// The kernel panicked by a fault of the emulator's. Another boot usually comes up.
    #[error("the kernel panicked by a fault of QEMU's emulation (int3 before the first process){}", Quoted(.said))]
    #[diagnostic(help("boot it again; `--cpus 1` or a computer with KVM avoids the fault"))]
    EmulatorPanic {
        /// The last lines of the console.
        said: String,
    },
    /// Something did not happen in time.
    #[error("{what} after {seconds} s{}", Quoted(.said))]
    #[diagnostic(help(
        "without KVM a boot takes minutes: `--timeout` gives it more time; the console tells how far it came"
    ))]
    Late { what: String, seconds: u64, said: String },
    /// QEMU's monitor refused a command, or is gone.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    #[error(transparent)]
    Interrupted(io::Error),
}

/// Quoted text below our own sentence, if there is any.
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
