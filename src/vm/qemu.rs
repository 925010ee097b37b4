//! QEMU's process. In: a command line and the files that it inherits. Out: a process that ends with its owner, also when
//! this program is killed, and whose error messages are kept.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// QEMU's program for this architecture.
pub const QEMU: &str = "qemu-system-x86_64";

/// Time in which QEMU's last error messages arrive after its end.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The path of QEMU, if it is on the PATH.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(QEMU)).find(|file| file.is_file())
}

/// A running QEMU; killed when it is dropped.
pub(super) struct Process {
    child: Mutex<Child>,
    complaints: Arc<Mutex<String>>,
}

impl Process {
    /// Starts QEMU. The files in `inherited` are closed here as soon as QEMU has them.
    pub(super) fn start(command: Command, inherited: Inherited) -> io::Result<Self> {
        let complaints = Arc::new(Mutex::new(String::new()));
        let child = spawn(command, inherited, Arc::clone(&complaints))?;
        Ok(Self { child: Mutex::new(child), complaints })
    }

    /// The exit status, if QEMU has ended.
    pub(super) fn ended(&self) -> io::Result<Option<ExitStatus>> {
        lock(&self.child).try_wait()
    }

    /// Kills QEMU and waits until it is gone.
    pub(super) fn kill(&self) -> io::Result<ExitStatus> {
        let mut child = lock(&self.child);
        let _ = child.kill();
        child.wait()
    }

    /// All error messages so far. Waits a quarter of a second for the last ones.
    pub(super) fn complaint(&self) -> String {
        thread::sleep(LAST_WORDS);
        lock(&self.complaints).trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Open files that QEMU inherits.
pub(super) struct Inherited {
    /// The root disk and the swap disk.
    pub(super) files: [File; 2],
    /// QEMU's ends of the monitor and the console.
    pub(super) sockets: [UnixStream; 2],
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
