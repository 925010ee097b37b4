//! User namespaces: an ordinary user's process starts again as root of a new user namespace (user_namespaces(7)). Its
//! ids 1 to 65535 are the range that /etc/subuid and /etc/subgid give to the user (subuid(5), newuidmap(1)). Maintainer
//! scripts need these ids, because they make files that belong to users such as `postgres`. When root builds, [`Ids`]
//! says which ids take their place.

mod attend;
mod error;
mod ids;
mod map;
mod ranges;

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::{self, ForkResult, Gid, Pid, Uid};

use attend::{attend, signals};
use error::io_error;
use map::Map;

use super::print;

pub use error::{MissingRange, UserNamespaceError};
pub use ids::Ids;

/// The environment variable that marks the process inside, so that it does not start itself again if it is not root.
const MARKER: &str = "STACKDEB_USER_NAMESPACE";

/// Makes sure that the rest of the program runs as root, in the system or in a user namespace.
///
/// For root it returns at once. For other users it starts this program again, with the same arguments, as root of a new
/// user and mount namespace. It passes signals on to that process and ends with its exit status, so in the process
/// outside this function does not return.
///
/// Call it before any thread is started, and before anything is written: the process inside does all of that again.
///
/// # Errors
/// When the system has no user namespaces for this user. The error names the command that changes that.
pub fn enter() -> Result<(), UserNamespaceError> {
    if unistd::geteuid().is_root() {
        return Ok(());
    }
    if env::var_os(MARKER).is_some() {
        return Err(UserNamespaceError::Io { action: "become root", source: Errno::EPERM.into() });
    }
    let maps = Map::both()?;
    let (ready_read, ready_write) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(io_error("make a pipe"))?;
    let (go_read, go_write) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(io_error("make a pipe"))?;
    // From here on signals wait until `attend` reads them. The child restores its mask.
    let waited_for = signals();
    let mask = waited_for.thread_swap_mask(signal::SigmaskHow::SIG_BLOCK).map_err(io_error("block signals"))?;
    let parent = unistd::getpid();
    // SAFETY: the process has one thread, as the documentation demands, so the child may call any function.
    match unsafe { unistd::fork() }.map_err(io_error("fork"))? {
        ForkResult::Child => {
            drop((ready_read, go_write));
            let failure = match become_root(parent, &mask, ready_write, go_read) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            print::note(format_args!("stackdeb: cannot continue in the user namespace: {failure}"));
            process::exit(1)
        }
        ForkResult::Parent { child } => {
            drop((ready_write, go_read));
            if let Err(error) = map_ids(child, ready_read, go_write, &maps) {
                let _ = signal::kill(child, Signal::SIGKILL);
                let _ = waitpid(child, None);
                let _ = mask.thread_set_mask();
                return Err(error);
            }
            attend(child, &waited_for)
        }
    }
}

/// Gives this process a mount namespace of its own, so that what it mounts is seen by nobody else and is gone when it ends.
/// Call it after [`enter`], and before any thread is started.
///
/// # Errors
/// When the process has not the right to do so, as in some containers.
pub fn own_mounts() -> nix::Result<()> {
    if env::var_os(MARKER).is_some() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    // What is mounted outside is still seen here, and not the other way round.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>)
}

/// The child: makes a namespace, waits until the parent has set its ids, and starts this program again. It writes the
/// error number of each step to `ready`, so that the parent can report it.
fn become_root(parent: Pid, mask: &SigSet, ready: OwnedFd, go: OwnedFd) -> io::Result<Infallible> {
    let unshared = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS);
    let mut ready = File::from(ready);
    ready.write_all(&unshared.err().map_or(0, |errno| errno as i32).to_le_bytes())?;
    unshared?;
    let mut answer = Vec::new();
    File::from(go).read_to_end(&mut answer)?;
    if answer.is_empty() {
        process::exit(1);
    }
    unistd::setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0))?;
    unistd::setgroups(&[])?;
    unistd::setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0))?;
    // AppArmor on Ubuntu allows the namespace but forbids everything inside it. A mount shows whether it does.
    let private = mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    ready.write_all(&private.err().map_or(0, |errno| errno as i32).to_le_bytes())?;
    private?;
    drop(ready);
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if unistd::getppid() != parent {
        process::exit(1);
    }
    mask.thread_set_mask()?;
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from("stackdeb"));
    Err(Command::new("/proc/self/exe").arg0(name).args(arguments).env(MARKER, "1").exec())
}

/// The parent: waits for the namespace, sets its ids, and waits until the child has made its first mount there.
fn map_ids(child: Pid, ready: OwnedFd, go: OwnedFd, maps: &[Map; 2]) -> Result<(), UserNamespaceError> {
    let mut ready = File::from(ready);
    let mut status = |refused: fn(Errno) -> UserNamespaceError| {
        let mut bytes = [0; 4];
        ready.read_exact(&mut bytes).map_err(|source| UserNamespaceError::Io { action: "wait", source })?;
        match i32::from_le_bytes(bytes) {
            0 => Ok(()),
            errno => Err(refused(Errno::from_raw(errno))),
        }
    };
    status(refused_namespace)?;
    for map in maps {
        map.apply(child)?;
    }
    File::from(go).write_all(b"1").map_err(|source| UserNamespaceError::Io { action: "go on", source })?;
    status(refused_mount)
}

fn refused_namespace(errno: Errno) -> UserNamespaceError {
    if setting_is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return UserNamespaceError::Forbidden {
            setting: "kernel.unprivileged_userns_clone is 0",
            remedy: "sudo sysctl kernel.unprivileged_userns_clone=1",
        };
    }
    if errno == Errno::ENOSPC || setting_is("/proc/sys/user/max_user_namespaces", "0") {
        return UserNamespaceError::Forbidden {
            setting: "user.max_user_namespaces is reached",
            remedy: "sudo sysctl user.max_user_namespaces=15000",
        };
    }
    refused_mount(errno)
}

fn refused_mount(errno: Errno) -> UserNamespaceError {
    if setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return UserNamespaceError::Forbidden {
            setting: "kernel.apparmor_restrict_unprivileged_userns is 1",
            remedy: "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        };
    }
    io_error("make namespaces")(errno)
}

fn setting_is(path: &str, value: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
}
