//! The process inside: reads its [`Spec`], makes the namespaces, becomes the first process of its own PID namespace, and
//! runs the command in it. It has only one thread. If a system call fails, the process ends with a message.

use std::convert::Infallible;
use std::env;
use std::ffi::{CString, NulError};
use std::fs::File;
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Pid};

use super::spec::{ARGUMENT, Network, SETUP_FAILED, SETUP_STATUS, Spec};
use super::step::{SetupError, SetupStep};
use super::users::{self, Handshake};
use super::{calls, limits, mounts};
use crate::system::print;

/// The largest spec, in bytes. A message with a larger length is not from this program.
const LARGEST_SPEC: u64 = 16 * 1024 * 1024;

/// Becomes a sandbox if this process was started to be one. Every program that uses [`super::Sandbox`] calls it before
/// anything else in its `main`, and ends with the status that it returns, if it does return one.
pub fn main() -> Option<ExitCode> {
    if env::args_os().nth(1).is_none_or(|argument| argument != ARGUMENT) {
        return None;
    }
    let code = match start() {
        Ok(code) => code,
        Err(error) => report(&error),
    };
    Some(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

fn report(error: &SetupError) -> i32 {
    print::note(format_args!("{SETUP_FAILED}{error}"));
    SETUP_STATUS
}

/// Makes the namespaces, starts the first process inside, and waits for it. This process itself stays
/// outside of the PID namespace.
fn start() -> Result<i32, SetupError> {
    prctl::set_pdeathsig(Signal::SIGKILL).step("ask to be ended with the parent")?;
    let spec = read_spec().step("read what to do")?;
    if u32::try_from(unistd::getppid().as_raw()) != Ok(spec.parent) {
        return Err(Errno::ESRCH).step("find the parent");
    }
    limits::close_inherited_files().step("close inherited files")?;
    limits::join_new_session_keyring().step("leave the session keyring")?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    users::give_standard_files(spec.ids)?;
    let (alive, held) = unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).step("make a pipe")?;
    let namespaces = [
        (CloneFlags::CLONE_NEWNS, "mount"),
        (CloneFlags::CLONE_NEWPID, "PID"),
        (CloneFlags::CLONE_NEWIPC, "IPC"),
        (CloneFlags::CLONE_NEWUTS, "UTS"),
    ];
    let network = (spec.network == Network::Own).then_some((CloneFlags::CLONE_NEWNET, "network"));
    for (flag, name) in namespaces.into_iter().chain(network) {
        unshare(flag).step(format!("make a {name} namespace"))?;
    }
    // SAFETY: there is one thread.
    match unsafe { unistd::fork() }.step("fork")? {
        ForkResult::Child => {
            drop(held);
            let code = first_process(&spec, alive).unwrap_or_else(|error| report(&error));
            limits::end(code)
        }
        ForkResult::Parent { child } => {
            drop(alive);
            let code = wait_for(child)?;
            drop(held);
            Ok(code)
        }
    }
}

/// Reads the message on standard input: the length of the spec (eight bytes, little-endian), then the spec. The rest is
/// the input of the command.
fn read_spec() -> io::Result<Spec> {
    // SAFETY: standard input is open (the parent made it a pipe) and, being `ManuallyDrop`, stays so. A `File` has no
    // buffer that would take the command's input.
    let mut source = ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDIN_FILENO) });
    let mut length = [0; 8];
    source.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > LARGEST_SPEC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::new();
    let mut source: &File = &source;
    source.by_ref().take(length).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Process 1: sets up what the command sees, starts it, and collects every process that ends until the command does.
fn first_process(spec: &Spec, alive: OwnedFd) -> Result<i32, SetupError> {
    prctl::set_pdeathsig(Signal::SIGKILL).step("ask to be ended with the parent")?;
    // If the parent has ended before this call, no signal will come, but its end of the pipe is closed.
    if unistd::read(&alive, &mut [0]) != Err(Errno::EAGAIN) {
        return Err(Errno::ESRCH).step("find the parent");
    }
    drop(alive);
    mounts::set_up(spec)?;
    unistd::sethostname("localhost").step("set the host name")?;
    if spec.network == Network::Own {
        limits::loopback_up().step("start the loopback interface")?;
    }
    let handshake = Handshake::new()?;
    // SAFETY: there is one thread.
    match unsafe { unistd::fork() }.step("fork")? {
        ForkResult::Child => {
            let Err(error) = become_command(spec, handshake);
            limits::end(report(&error))
        }
        ForkResult::Parent { child } => {
            handshake.admit(child, spec.ids)?;
            wait_for(child)
        }
    }
}

/// Waits until `child` ends, and collects other processes meanwhile. Returns its exit status; 128 plus the number of the
/// signal if a signal ended it, as a shell does.
fn wait_for(child: Pid) -> Result<i32, SetupError> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return Ok(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(128_i32.saturating_add(signal as i32));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for the command"),
        }
    }
}

fn become_command(spec: &Spec, handshake: Handshake) -> Result<Infallible, SetupError> {
    unistd::setsid().step("leave the terminal")?;
    handshake.enter()?;
    for number in [Signal::SIGPIPE, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: the default action runs no code of this program.
        unsafe { signal(number, SigHandler::SigDfl) }.step("reset signals")?;
    }
    SigSet::all().thread_unblock().step("reset signals")?;
    let name = spec.command.first().map(String::as_str).unwrap_or_default();
    let strings = |values: Vec<String>| values.into_iter().map(CString::new).collect::<Result<Vec<_>, NulError>>();
    let arguments = strings(spec.command.clone()).step("use these arguments")?;
    let variables = spec.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let environment = strings(variables).step("use these variables")?;
    let files = candidates(spec, name).into_iter().map(CString::new).collect::<Result<Vec<_>, NulError>>();
    let files = files.step("use this command")?;
    limits::limit_files().step("limit the size of files")?;
    limits::drop_capabilities().step("give up capabilities")?;
    calls::filter()?;
    let mut failure = Errno::ENOENT;
    for file in files {
        match unistd::execve(&file, &arguments, &environment) {
            Ok(never) => match never {},
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => failure = errno,
        }
    }
    Err(failure).step(format!("run `{name}`"))
}

/// The paths where a command is looked for, in the order of the sandbox's `PATH`.
fn candidates(spec: &Spec, name: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    let path = spec.environment.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_str());
    path.unwrap_or_default().split(':').map(|folder| format!("{folder}/{name}")).collect()
}
