//! A running machine: QEMU with its disks, console, monitor and metadata service, which all end with it, also when this
//! program is killed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::accelerator::Accelerator;
use super::arguments::{Arguments, BootMethod, DiskOrder, Forward, OnReset};
use super::console::{Console, Stage};
use super::metadata::{Instance, MetadataServer};
use super::monitor::{Monitor, MonitorError};
use super::probe::{self, Answer};
use super::scratch::{self, ScratchError};
use crate::system::interrupt;

/// QEMU's program for this architecture.
pub const QEMU: &str = "qemu-system-x86_64";

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
            label: "stackdeb".to_owned(),
            user_data: Vec::new(),
            accelerator,
            pump: pump.to_owned(),
            scratch: scratch.to_owned(),
        }
    }
}

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
    /// It took too long.
    #[error("{what} after {seconds} s{}", Quoted(.said))]
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

/// A machine that runs until it is dropped.
pub struct Machine {
    child: Mutex<Child>,
    console: Arc<Console>,
    monitor: Mutex<Monitor>,
    complaints: Arc<Mutex<String>>,
    _metadata: MetadataServer,
}

impl Machine {
    /// Copies the image to the machine's disk and switches the machine on. `echo` gets what the serial console says.
    ///
    /// # Errors
    /// When QEMU is missing or refuses, a port is taken, or the image is none.
    pub fn start(options: &MachineOptions, echo: impl Write + Send + 'static) -> Result<Self, MachineError> {
        let qemu = find_qemu()?;
        options.forwards.iter().try_for_each(|forward| check_port(forward.host))?;
        let root = scratch::root_disk(&options.image, options.disk_mib << 20, &options.scratch)?;
        let swap = scratch::swap_disk(options.swap_mib << 20, &options.scratch)?;
        let (monitor, qemu_monitor) = UnixStream::pair().map_err(MachineError::Start)?;
        let (console, qemu_console) = UnixStream::pair().map_err(MachineError::Start)?;
        // cloud-init takes an instance with another serial number for a new one.
        let serial_number = 10_000_000 + std::process::id() % 10_000_000;
        let metadata = MetadataServer::start(instance(options, serial_number)).map_err(MachineError::Start)?;
        let arguments = Arguments {
            accelerator: options.accelerator,
            boot: &options.boot,
            memory_mib: options.memory_mib,
            cpus: options.cpus,
            order: options.order,
            on_reset: options.on_reset,
            forwards: &options.forwards,
            serial_number,
            pump: &options.pump,
            metadata: metadata.address(),
            root: root.as_raw_fd(),
            swap: swap.as_raw_fd(),
            monitor: qemu_monitor.as_raw_fd(),
            console: qemu_console.as_raw_fd(),
        };
        let mut command = Command::new(qemu);
        command.args(arguments.build()).env("TMPDIR", &options.scratch);
        let inherited = Inherited { files: [root, swap], sockets: [qemu_monitor, qemu_console] };
        let complaints = Arc::new(Mutex::new(String::new()));
        let mut child = spawn(command, inherited, Arc::clone(&complaints)).map_err(MachineError::Start)?;

        let kept = Arc::new(Console::default());
        let follower = Arc::clone(&kept);
        thread::spawn(move || follower.follow(console, echo));
        let monitor = match Monitor::connect(monitor) {
            Ok(monitor) => monitor,
            Err(error) => {
                // QEMU says why on its standard error, and ends.
                let _ = child.kill();
                let status = child.wait().map_err(MachineError::Start)?;
                let said = wait_for_complaint(&complaints);
                return Err(if said.is_empty() { error.into() } else { MachineError::Ended { status, said } });
            }
        };
        Ok(Self {
            child: Mutex::new(child),
            console: kept,
            monitor: Mutex::new(monitor),
            complaints,
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
            return Err(MachineError::Failed { why, said: self.console.last_lines(SHOWN_LINES) });
        }
        if let Some(status) = lock(&self.child).try_wait().map_err(MachineError::Start)? {
            let complaint = wait_for_complaint(&self.complaints);
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
        let ask = || match probe::get(port, path, ANSWER_LIMIT) {
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
        let ended = || lock(&self.child).try_wait().ok().flatten().is_some().then_some(());
        let begin = Instant::now();
        while ended().is_none() {
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

impl Drop for Machine {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// What QEMU gets from us besides its command line. It is closed here when QEMU has been started.
struct Inherited {
    files: [File; 2],
    sockets: [UnixStream; 2],
}

impl Inherited {
    fn descriptors(&self) -> [RawFd; 4] {
        let [root, swap] = self.files.each_ref().map(AsRawFd::as_raw_fd);
        let [monitor, console] = self.sockets.each_ref().map(AsRawFd::as_raw_fd);
        [root, swap, monitor, console]
    }
}

/// Starts QEMU from a thread of its own that lives as long as it does: the kernel sends the death signal when the
/// *thread* that started the child ends (prctl(2)). The thread collects QEMU's standard error.
fn spawn(mut command: Command, inherited: Inherited, complaints: Arc<Mutex<String>>) -> io::Result<Child> {
    let descriptors = inherited.descriptors();
    let prepare = move || {
        for descriptor in descriptors {
            // SAFETY: fcntl(2) is async-signal-safe; the descriptors are open: `inherited` is dropped after the start.
            if unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(io::Error::from)
    };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(prepare) };
    // A group of its own: an interrupt at the terminal is for us to handle.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("qemu".into()).spawn(move || {
        let started = command.spawn().map(|mut child| (child.stderr.take(), child));
        drop(inherited);
        let stderr = match started {
            Ok((stderr, child)) => {
                let _ = sender.send(Ok(child));
                stderr
            }
            Err(error) => {
                let _ = sender.send(Err(error));
                None
            }
        };
        let mut buffer = [0; 1024];
        let mut source = stderr.map_or_else(|| Box::new(io::empty()) as Box<dyn Read>, |pipe| Box::new(pipe));
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            lock(&complaints).push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()));
        }
    })?;
    receiver.recv().map_err(io::Error::other)?
}

/// What QEMU has said on its standard error, a moment after it ended.
fn wait_for_complaint(complaints: &Mutex<String>) -> String {
    thread::sleep(POLL);
    lock(complaints).trim_end().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(QEMU)).find(|file| file.is_file()).ok_or(MachineError::NoQemu)
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
