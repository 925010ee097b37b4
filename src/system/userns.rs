//! Root without root: an ordinary user's process continues in a user namespace of its own, where it is root and owns
//! the user and group ids 1 to 65535 as well, borrowed from the range that /etc/subuid and /etc/subgid lend to that user
//! (user_namespaces(7), newuidmap(1), subuid(5)). Maintainer scripts need them all: they make files for `postgres`.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Gid, Pid, Uid, User};

/// Set in the process inside, so that it does not try again when it is not root even there.
const MARKER: &str = "STACKDEB_USER_NAMESPACE";

/// How many ids Debian uses: 0 to 65535 (Debian Policy 9.2). The first is the caller's own.
const BORROWED: u32 = 65_535;

/// Why there is no user namespace for us. Each is something that the system's administrator can change.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UserNamespaceError {
    /// newuidmap or newgidmap is missing.
    #[error("an image is built as root or with `{0}`, and this system does not have that program")]
    #[diagnostic(help("install it with `sudo apt-get install uidmap`, or build as root"))]
    NoHelper(&'static str),
    /// No range of ids for this user.
    #[error(
        "{file} lends no range of {BORROWED} ids to the user {user}, so packages cannot have files of their own users"
    )]
    #[diagnostic(help("run `sudo usermod {option} {first}-{last} {user}` and try again, or build as root", last = first + BORROWED))]
    NoRange {
        /// /etc/subuid or /etc/subgid.
        file: &'static str,
        /// usermod's option for it.
        option: &'static str,
        /// The user's name, or number.
        user: String,
        /// The first id that nobody has a range of.
        first: u32,
    },
    /// The kernel was told not to.
    #[error("this system does not allow ordinary users a user namespace: {setting}")]
    #[diagnostic(help("run `{remedy}` (until the next boot; /etc/sysctl.d keeps it for longer), or build as root"))]
    Forbidden {
        /// The setting that says so.
        setting: &'static str,
        /// The command that changes it.
        remedy: &'static str,
    },
    /// newuidmap or newgidmap refused.
    #[error("`{program}` did not map the ids of {file}: {output}")]
    #[diagnostic(help(
        "check that {program} is setuid root (`sudo apt-get install --reinstall uidmap`), or build as root"
    ))]
    Helper {
        /// Which of the two.
        program: &'static str,
        /// The file it goes by.
        file: &'static str,
        /// What it said.
        output: String,
    },
    /// Anything else.
    #[error("cannot {action} for a user namespace: {source}")]
    #[diagnostic(help("containers often forbid user namespaces; build as root there, or outside"))]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn io_error(action: &'static str) -> impl Fn(Errno) -> UserNamespaceError {
    move |errno| UserNamespaceError::Io { action, source: errno.into() }
}

/// Returns at once for root. For anybody else, starts this program again, with the same arguments, as root of a new user
/// and mount namespace, passes signals on to it, and ends as it ends: then this function does not return.
///
/// To be called before any thread is started, and before anything is written: all of it happens a second time inside.
///
/// # Errors
/// When something is missing; the error says what, and the command that provides it.
pub fn enter() -> Result<(), UserNamespaceError> {
    if unistd::geteuid().is_root() {
        return Ok(());
    }
    if env::var_os(MARKER).is_some() {
        return Err(UserNamespaceError::Io { action: "become root", source: Errno::EPERM.into() });
    }
    let maps = [Map::of_users()?, Map::of_groups()?];
    let (ready_read, ready_write) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(io_error("make a pipe"))?;
    let (go_read, go_write) = unistd::pipe2(OFlag::O_CLOEXEC).map_err(io_error("make a pipe"))?;
    // From here on signals wait until `attend` takes them; the child gets its own mask back.
    let waited_for = signals();
    let mask = waited_for.thread_swap_mask(signal::SigmaskHow::SIG_BLOCK).map_err(io_error("block signals"))?;
    let parent = unistd::getpid();
    // SAFETY: there is one thread, as the documentation demands, so the child may do all that the parent may.
    match unsafe { unistd::fork() }.map_err(io_error("fork"))? {
        ForkResult::Child => {
            drop((ready_read, go_write));
            let failure = match become_root(parent, &mask, ready_write, go_read) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            eprintln!("stackdeb: cannot continue in the user namespace: {failure}");
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

/// The child's way: a namespace, ids from the parent, then this program anew. What goes wrong is the parent's to
/// report as long as it listens on `ready`.
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
    // Ubuntu's AppArmor allows the namespace and then nothing inside it: find out now.
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

/// The parent's way: waits for the namespace, gives it its ids, and waits until the child can work in it.
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

/// One of the two mappings of ids.
struct Map {
    program: &'static str,
    file: &'static str,
    helper: PathBuf,
    own: u32,
    first: u32,
}

impl Map {
    fn of_users() -> Result<Self, UserNamespaceError> {
        Self::find("newuidmap", "/etc/subuid", "--add-subuids", unistd::getuid().as_raw())
    }

    fn of_groups() -> Result<Self, UserNamespaceError> {
        Self::find("newgidmap", "/etc/subgid", "--add-subgids", unistd::getgid().as_raw())
    }

    fn find(
        program: &'static str,
        file: &'static str,
        option: &'static str,
        own: u32,
    ) -> Result<Self, UserNamespaceError> {
        let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
        let helper = env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
        let helper = helper.ok_or(UserNamespaceError::NoHelper(program))?;
        // Ranges of groups, too, are lent to a user: subgid(5).
        let uid = unistd::getuid();
        let user = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
        let text = fs::read_to_string(file).unwrap_or_default();
        let ranges = Ranges::parse(&text);
        let first = ranges.lent_to(&user, &uid.to_string());
        let first = first.ok_or_else(|| UserNamespaceError::NoRange { file, option, user, first: ranges.free() })?;
        Ok(Self { program, file, helper, own, first })
    }

    fn apply(&self, child: Pid) -> Result<(), UserNamespaceError> {
        let numbers = [child.as_raw().unsigned_abs(), 0, self.own, 1, 1, self.first, BORROWED];
        let output = Command::new(&self.helper)
            .args(numbers.map(|number| number.to_string()))
            .output()
            .map_err(|source| UserNamespaceError::Io { action: "run newuidmap or newgidmap", source })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let output = if said.is_empty() { output.status.to_string() } else { said };
        Err(UserNamespaceError::Helper { program: self.program, file: self.file, output })
    }
}

/// What /etc/subuid or /etc/subgid says: `user:first:count` lines (subuid(5)); others do not count.
struct Ranges<'a>(Vec<(&'a str, u32, u32)>);

impl<'a> Ranges<'a> {
    fn parse(text: &'a str) -> Self {
        let range = |line: &'a str| {
            let mut fields = line.trim().splitn(3, ':');
            let (user, first, count) = (fields.next()?, fields.next()?, fields.next()?);
            Some((user, first.parse().ok()?, count.parse().ok()?))
        };
        Self(text.lines().filter_map(range).collect())
    }

    fn lent_to(&self, name: &str, number: &str) -> Option<u32> {
        let enough = |&&(user, _, count): &&(&str, u32, u32)| (user == name || user == number) && count >= BORROWED;
        self.0.iter().find(enough).map(|&(_, first, _)| first)
    }

    /// The first id after all ranges, and not before the one where useradd(8) begins.
    fn free(&self) -> u32 {
        self.0.iter().map(|&(_, first, count)| first.saturating_add(count)).fold(100_000, u32::max)
    }
}

/// What the process outside waits for: the end of the one inside, and signals for it.
fn signals() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Waits for the end of the process inside, and ends in the same way.
fn attend(child: Pid, waited_for: &SigSet) -> ! {
    loop {
        let (number, from_kernel) = next_signal(waited_for);
        match Signal::try_from(number) {
            Ok(Signal::SIGCHLD) => match waitpid(child, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
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
    process::exit(128 + signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_and_by_number() {
        let ranges = Ranges::parse("anna:100000:65536\n1001:165536:65536\nshort:300000:1000\n# note\n");
        assert_eq!(ranges.lent_to("anna", "1000"), Some(100_000));
        assert_eq!(ranges.lent_to("bert", "1001"), Some(165_536));
        assert_eq!(ranges.lent_to("short", "1002"), None, "1000 ids are too few");
        assert_eq!(ranges.free(), 301_000);
        assert_eq!(Ranges::parse("").free(), 100_000);
    }

    #[test]
    fn the_message_has_the_command_that_helps() {
        let error = UserNamespaceError::NoRange {
            file: "/etc/subuid",
            option: "--add-subuids",
            user: "anna".to_owned(),
            first: 100_000,
        };
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.contains("sudo usermod --add-subuids 100000-165535 anna"), "{help}");
        assert!(error.to_string().contains("/etc/subuid"), "{error}");
    }
}
