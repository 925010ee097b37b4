//! A running machine: QEMU with its disks, console, monitor and metadata service, which all end with it. In: the options
//! of the machine. Out: a [`Machine`] that can be watched, waited for and switched off.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::accelerator::Accelerator;
use super::arguments::Arguments;
use super::console::{Console, Stage};
use super::metadata::{EmulatedInstance, MetadataServer};
use super::monitor::Monitor;
use super::probe::SitePage;
use super::qemu::{self, Inherited};
use super::scratch;
use crate::system::http::{self, Page};
use crate::system::interrupt;

pub use super::error::MachineError;
pub use super::options::MachineOptions;

/// Time between two looks at something that is waited for.
const POLL: Duration = Duration::from_millis(250);
/// Limit for one answer of the site; under emulation on a busy computer it takes seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Number of console lines that an error shows.
const SHOWN_LINES: usize = 15;

/// A machine that runs until it is dropped.
pub struct Machine {
    qemu: qemu::Process,
    accelerator: Accelerator,
    console: Arc<Console>,
    monitor: Mutex<Monitor>,
    host: Option<String>,
    _metadata: MetadataServer,
}

impl Machine {
    /// Copies the image to the machine's disk and switches the machine on. `echo` gets the text of the serial console.
    ///
    /// # Errors
    /// When QEMU is missing or refuses, a port is taken, or the file is not a disk image.
    pub fn start(options: &MachineOptions, echo: impl Write + Send + 'static) -> Result<Self, MachineError> {
        let program = find_qemu()?;
        options.forwards.iter().try_for_each(|forward| check_port(forward.host))?;
        let root = scratch::root_disk(&options.image, options.disk_mib << 20, &options.scratch)?;
        let swap = scratch::swap_disk(options.swap_mib << 20, &options.scratch)?;
        let (monitor, qemu_monitor) = UnixStream::pair().map_err(MachineError::Start)?;
        let (console, qemu_console) = UnixStream::pair().map_err(MachineError::Start)?;
        let serial_number = serial_number();
        let metadata = MetadataServer::start(instance(options, serial_number)).map_err(MachineError::Start)?;
        let arguments = Arguments {
            accelerator: options.accelerator,
            boot: &options.boot,
            memory_mib: options.memory_mib,
            cpus: options.cpus,
            order: options.order,
            on_reset: options.on_reset,
            forwards: &options.forwards,
            network: options.network,
            serial_number,
            root_key: options.root_key.as_deref(),
            pump: &options.pump,
            metadata: metadata.address(),
            root: root.as_raw_fd(),
            swap: swap.as_raw_fd(),
            monitor: qemu_monitor.as_raw_fd(),
            console: qemu_console.as_raw_fd(),
        };
        let mut command = Command::new(program);
        command.args(arguments.build()).env("TMPDIR", &options.scratch);
        let inherited = Inherited { files: [root, swap], sockets: [qemu_monitor, qemu_console] };
        let qemu = qemu::Process::start(command, inherited).map_err(MachineError::Start)?;

        let kept = Arc::new(Console::default());
        let follower = Arc::clone(&kept);
        thread::spawn(move || follower.follow(console, echo));
        let monitor = match Monitor::connect(monitor) {
            Ok(monitor) => monitor,
            Err(error) => {
                // QEMU has ended; its standard error says why.
                let status = qemu.kill().map_err(MachineError::Start)?;
                let said = qemu.complaint();
                return Err(if said.is_empty() { error.into() } else { MachineError::Ended { status, said } });
            }
        };
        Ok(Self {
            qemu,
            accelerator: options.accelerator,
            console: kept,
            monitor: Mutex::new(monitor),
            host: options.host.clone(),
            _metadata: metadata,
        })
    }

    /// The serial console: its text, and how far the boot has come.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Checks that the machine still runs and may come up.
    ///
    /// # Errors
    /// When QEMU has ended, the console says that the boot has failed, or the user interrupts.
    pub fn check(&self) -> Result<(), MachineError> {
        interrupt::check().map_err(MachineError::Interrupted)?;
        if let Some(why) = self.console.failure() {
            // Wait for the next lines, which say more.
            thread::sleep(POLL);
            let said = self.console.last_lines(SHOWN_LINES);
            let emulated = self.accelerator == Accelerator::Tcg;
            return Err(if emulated && self.console.panicked_at_breakpoint() {
                MachineError::EmulatorPanic { said }
            } else {
                MachineError::Failed { why, said }
            });
        }
        if let Some(status) = self.qemu.ended().map_err(MachineError::Start)? {
            let complaint = self.qemu.complaint();
            let said = if complaint.is_empty() { self.console.last_lines(SHOWN_LINES) } else { complaint };
            return Err(MachineError::Ended { status, said });
        }
        Ok(())
    }

    /// Waits until the console shows that a stage is reached.
    ///
    /// # Errors
    /// As [`Machine::check`], and when the stage is not reached within `limit`.
    pub fn wait_for_stage(&self, stage: Stage, limit: Duration) -> Result<(), MachineError> {
        let reached = || self.console.marks().iter().any(|mark| mark.stage == stage).then_some(());
        self.wait(limit, || format!("the console shows nothing of `{}`", stage.describe()), reached)
    }

    /// Waits until the site answers as `page` says on the forwarded `port`.
    ///
    /// # Errors
    /// As [`Machine::check`], and when there is no such answer within `limit`.
    pub fn wait_for_http(&self, port: u16, page: &SitePage, limit: Duration) -> Result<Page, MachineError> {
        self.wait_for_site(port, self.host.as_deref(), page, limit)
    }

    /// The same of the site that has the name `host`.
    ///
    /// # Errors
    /// As [`Machine::wait_for_http`].
    pub fn wait_for_site(
        &self,
        port: u16,
        host: Option<&str>,
        page: &SitePage,
        limit: Duration,
    ) -> Result<Page, MachineError> {
        let path = page.path();
        let last = Mutex::new("no answer yet".to_owned());
        let answers = ask(format!("http://127.0.0.1:{port}{path}"), host.map(str::to_owned));
        let look = || match answers.try_recv().ok()? {
            Ok(answer) if page.accepts(answer.status) => Some(answer),
            Ok(answer) => {
                *lock(&last) = format!("status {}", answer.status);
                None
            }
            Err(reason) => {
                *lock(&last) = reason;
                None
            }
        };
        self.wait(limit, || format!("{path} does not answer as it should ({})", lock(&last)), look)
    }

    /// Calls `look` until it finds something.
    fn wait<T>(
        &self,
        limit: Duration,
        what: impl Fn() -> String,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, MachineError> {
        let begin = Instant::now();
        loop {
            self.check()?;
            if let Some(found) = look() {
                return Ok(found);
            }
            if begin.elapsed() >= limit {
                let said = self.console.last_lines(SHOWN_LINES);
                return Err(MachineError::Late { what: what(), seconds: limit.as_secs(), said });
            }
            thread::sleep(POLL);
        }
    }

    /// # Errors
    /// When QEMU is gone.
    pub fn reset(&self) -> Result<(), MachineError> {
        self.console.begin_boot();
        lock(&self.monitor).execute("system_reset", &json!({}))?;
        Ok(())
    }

    /// Ends QEMU at once, as a power cut would. Afterwards the forwarded ports are free.
    pub fn kill(self) {
        drop(self);
    }
}

/// Asks for a page again and again, in a thread of its own: while the machine has no network, a request waits for the whole of
/// its limit, and the console is looked at meanwhile. The thread ends with its last request once nobody wants the answers.
fn ask(url: String, host: Option<String>) -> Receiver<Result<Page, String>> {
    let (sender, answers) = mpsc::sync_channel(0);
    thread::spawn(move || {
        while sender.send(http::get(&url, host.as_deref(), ANSWER_LIMIT)).is_ok() {
            thread::sleep(POLL);
        }
    });
    answers
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A serial number that no other running machine has. cloud-init takes an instance with another number for a new one.
fn serial_number() -> u32 {
    /// The highest process number of Linux (proc_sys_kernel(5), `pid_max`).
    const MOST_PROCESSES: u32 = 1 << 22;
    static STARTED: AtomicU32 = AtomicU32::new(0);
    // Eight digits, made of the number of machines that this process started before, and the process number.
    let before = STARTED.fetch_add(1, Ordering::Relaxed) % 20;
    before.wrapping_mul(MOST_PROCESSES).wrapping_add(std::process::id() % MOST_PROCESSES).wrapping_add(10_000_000)
}

fn instance(options: &MachineOptions, id: u32) -> EmulatedInstance {
    EmulatedInstance {
        id,
        label: options.label.clone(),
        region: "nl-ams".to_owned(),
        plan: "g6-nanode-1".to_owned(),
        memory_mib: options.memory_mib,
        cpus: options.cpus,
        disk_mib: options.disk_mib.saturating_add(options.swap_mib),
        user_data: options.user_data.clone(),
        ssh_keys: Vec::new(),
    }
}

/// Finds the path of QEMU's program for x86-64.
///
/// # Errors
/// When it is not on the PATH.
pub fn find_qemu() -> Result<PathBuf, MachineError> {
    qemu::find().ok_or(MachineError::NoQemu)
}

/// Returns `wanted` if that port of the loopback address is free; for 0, any free port.
///
/// # Errors
/// When the port is taken, or this user may not use it.
pub fn choose_port(wanted: u16) -> Result<u16, MachineError> {
    let failed = |source| MachineError::Port { port: wanted, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

fn check_port(port: u16) -> Result<(), MachineError> {
    choose_port(port).map(drop)
}
