//! A running machine: QEMU with its disks, console, monitor and metadata service, which all end with it. What machine is
//! wanted comes in; a [`Machine`] that can be watched, waited for and switched off goes out.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::accelerator::Accelerator;
use super::arguments::{Arguments, BootMethod, DiskOrder, Forward, Network, OnReset};
use super::console::{Console, Stage};
use super::metadata::{Instance, MetadataServer};
use super::monitor::Monitor;
use super::qemu::{self, Inherited};
use super::scratch;
use crate::system::http::{self, Answer};
use crate::system::interrupt;

pub use super::error::MachineError;

/// How often what is waited for is looked at.
const POLL: Duration = Duration::from_millis(250);
/// How long one answer of the site may take, under emulation on a busy computer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How much of the console an error shows.
const SHOWN_LINES: usize = 15;

/// What machine is wanted.
#[derive(Debug, Clone)]
pub struct MachineOptions {
    /// The image, raw or compressed with gzip; only read.
    pub image: PathBuf,
    /// What starts its kernel.
    pub boot: BootMethod,
    /// MiB of memory.
    pub memory_mib: u32,
    /// Number of processors.
    pub cpus: u32,
    /// MiB of the root disk, which takes up only what is written.
    pub disk_mib: u64,
    /// MiB of the swap disk, likewise.
    pub swap_mib: u64,
    /// Which disk comes first.
    pub order: DiskOrder,
    /// What a reset from inside does.
    pub on_reset: OnReset,
    /// Ports that lead into the machine.
    pub forwards: Vec<Forward>,
    /// The network that it shares with others.
    pub network: Option<Network>,
    /// The instance's label.
    pub label: String,
    /// cloud-init's user data.
    pub user_data: Vec<u8>,
    /// The accelerator.
    pub accelerator: Accelerator,
    /// The program that is the pump when called with [`super::pump::ARGUMENT`]: this one.
    pub pump: PathBuf,
    /// A folder with room for the disks.
    pub scratch: PathBuf,
}

impl MachineOptions {
    /// A machine like Linode's smallest: one processor, 1 GiB of memory, 25 GiB of disk, of them 512 MiB swap.
    pub fn smallest(image: &Path, boot: BootMethod, accelerator: Accelerator, pump: &Path, scratch: &Path) -> Self {
        Self {
            image: image.to_owned(),
            boot,
            memory_mib: 1024,
            cpus: 1,
            disk_mib: 25 * 1024 - 512,
            swap_mib: 512,
            order: DiskOrder::RootFirst,
            on_reset: OnReset::BootAgain,
            forwards: Vec::new(),
            network: None,
            label: "stackdeb".to_owned(),
            user_data: Vec::new(),
            accelerator,
            pump: pump.to_owned(),
            scratch: scratch.to_owned(),
        }
    }
}

/// A machine that runs until it is dropped.
pub struct Machine {
    qemu: qemu::Process,
    accelerator: Accelerator,
    console: Arc<Console>,
    monitor: Mutex<Monitor>,
    _metadata: MetadataServer,
}

impl Machine {
    /// Copies the image to the machine's disk and switches the machine on. `echo` gets what the serial console says.
    ///
    /// # Errors
    /// When QEMU is missing or refuses, a port is taken, or the image is none.
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
                // QEMU says why on its standard error, and ends.
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
            _metadata: metadata,
        })
    }

    /// What the serial console has said, and how far the boot has come.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Everything the serial console has said.
    pub fn console_text(&self) -> String {
        self.console.text()
    }

    /// Whether it still runs and may come up.
    ///
    /// # Errors
    /// When QEMU has ended, the console says that the boot has failed, or the user interrupts.
    pub fn check(&self) -> Result<(), MachineError> {
        interrupt::check().map_err(MachineError::Interrupted)?;
        if let Some(why) = self.console.failure() {
            // The lines that follow say more.
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
    /// As [`Machine::check`], and when `limit` is over.
    pub fn wait_for_stage(&self, stage: Stage, limit: Duration) -> Result<(), MachineError> {
        let reached = || self.console.marks().iter().any(|mark| mark.stage == stage).then_some(());
        self.wait(limit, || format!("the console shows nothing of `{}`", stage.describe()), reached)
    }

    /// Waits until the site answers 200 on the forwarded `port`.
    ///
    /// # Errors
    /// As [`Machine::check`], and when `limit` is over.
    pub fn wait_for_http(&self, port: u16, path: &str, limit: Duration) -> Result<Answer, MachineError> {
        let last = Mutex::new(String::new());
        let ask = || match http::get(&format!("http://127.0.0.1:{port}{path}"), None, ANSWER_LIMIT) {
            Ok(answer) if answer.status == 200 => Some(answer),
            Ok(answer) => {
                *lock(&last) = format!("status {}", answer.status);
                None
            }
            Err(reason) => {
                *lock(&last) = reason;
                None
            }
        };
        self.wait(limit, || format!("{path} does not answer 200 ({})", lock(&last)), ask)
    }

    /// Looks for something until it is there.
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

    /// Keeps memory and disks as they are now under a name, for as long as the machine runs.
    ///
    /// # Errors
    /// When QEMU cannot: no room, for one.
    pub fn savevm(&self, name: &str) -> Result<(), MachineError> {
        Ok(lock(&self.monitor).execute_silent(&format!("savevm {name}"))?)
    }

    /// Goes back to what [`Machine::savevm`] kept. Connections into the machine are lost, and its clock is late.
    ///
    /// # Errors
    /// When there is nothing of that name.
    pub fn loadvm(&self, name: &str) -> Result<(), MachineError> {
        Ok(lock(&self.monitor).execute_silent(&format!("loadvm {name}"))?)
    }

    /// Presses the reset button.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn reset(&self) -> Result<(), MachineError> {
        self.console.begin_boot();
        lock(&self.monitor).execute("system_reset", &json!({}))?;
        Ok(())
    }

    /// Presses the power button, which Debian takes as an order to shut down, and waits until it has.
    ///
    /// # Errors
    /// When it has not within `limit`, or QEMU is gone.
    pub fn power_down(&self, limit: Duration) -> Result<(), MachineError> {
        lock(&self.monitor).execute("system_powerdown", &json!({}))?;
        let begin = Instant::now();
        while self.qemu.ended().ok().flatten().is_none() {
            interrupt::check().map_err(MachineError::Interrupted)?;
            if begin.elapsed() >= limit {
                let said = self.console.last_lines(SHOWN_LINES);
                let what = "the machine has not shut down".to_owned();
                return Err(MachineError::Late { what, seconds: limit.as_secs(), said });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Pulls the plug.
    pub fn kill(self) {
        drop(self);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that no other running machine has. cloud-init takes an instance with another serial number for a new one.
fn serial_number() -> u32 {
    /// Linux numbers no process higher (proc_sys_kernel(5), `pid_max`).
    const MOST_PROCESSES: u32 = 1 << 22;
    static STARTED: AtomicU32 = AtomicU32::new(0);
    // Eight digits, of which the process and the machines before this one in it make each their part.
    let before = STARTED.fetch_add(1, Ordering::Relaxed) % 20;
    10_000_000 + before * MOST_PROCESSES + std::process::id() % MOST_PROCESSES
}

fn instance(options: &MachineOptions, id: u32) -> Instance {
    Instance {
        id,
        label: options.label.clone(),
        region: "nl-ams".to_owned(),
        plan: "g6-nanode-1".to_owned(),
        memory_mib: options.memory_mib,
        cpus: options.cpus,
        disk_mib: options.disk_mib + options.swap_mib,
        user_data: options.user_data.clone(),
        ssh_keys: Vec::new(),
    }
}

/// Where QEMU is.
///
/// # Errors
/// When it is not on the PATH.
pub fn find_qemu() -> Result<PathBuf, MachineError> {
    qemu::find().ok_or(MachineError::NoQemu)
}

/// A free port of the loopback address, for `wanted` 0; else `wanted`, if it is free.
///
/// # Errors
/// When it is taken or not allowed.
pub fn choose_port(wanted: u16) -> Result<u16, MachineError> {
    let failed = |source| MachineError::Port { port: wanted, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

fn check_port(port: u16) -> Result<(), MachineError> {
    choose_port(port).map(drop)
}
