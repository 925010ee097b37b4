//! The health check, run as an administrator would, and what it is run against: sites, the message bus with
//! a systemd on it, histories.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::missing_panics_doc,
    reason = "a test ends in a panic when something is not as it should be"
)]

pub mod postgres;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use serde_json::Value;
use support::source_folder;
use tempfile::TempDir;

/// What every check takes at most: half a second for the processors, five for a server that hangs, and
/// room for a busy machine.
pub const BOUND: Duration = Duration::from_secs(9);

pub fn program() -> String {
    support::program("health-check")
}

/// A file beside this one.
pub fn support_file(name: &str) -> PathBuf {
    source_folder().join("health-check/tests/surroundings").join(name)
}

/// Runs a check of the server `stack` within its bound.
pub fn health_check(arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(["--name", "stack"]).args(arguments);
    if !arguments.contains(&"--config") {
        command.arg("--config").arg(support_file("health.toml"));
    }
    run_bounded(&mut command)
}

/// Runs a check within its bound.
pub fn run_bounded(command: &mut Command) -> Output {
    let started = Instant::now();
    let output = command.output().unwrap();
    assert!(started.elapsed() < BOUND, "it took {:?}", started.elapsed());
    output
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Exit status and findings of a check with `--json`.
pub fn findings(arguments: &[&str]) -> (i32, Value) {
    let output = health_check(&[arguments, &["--json"]].concat());
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

/// Exit status and problems of a check with this `health.toml`.
pub fn with_settings(text: &str, arguments: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.toml");
    // Memory on a busy build machine says nothing about the program.
    let others = if text.lines().any(|line| line.starts_with("max_ram")) { "" } else { "\nmax_ram = 100\n" };
    fs::write(&path, format!("{text}{others}")).unwrap();
    let (status, found) = findings(&[&["--config", path.to_str().unwrap()], arguments].concat());
    let strip = |problem: &Value| problem.as_str().unwrap().replace(path.to_str().unwrap(), "health.toml");
    (status, found["problems"].as_array().unwrap().iter().map(strip).collect())
}

/// A share of time that others on the machine cannot lower: all processors work.
pub fn with_busy_processors(test: impl FnOnce()) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        test();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub fn problem(found: &Value) -> String {
    found["problems"].to_string()
}

/// A site that treats every connection so; its address.
pub fn site(address: &str, treat: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(treat));
    format!("http://{at}/healthz")
}

/// Reads a request's head; its lines.
pub fn request(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect()
}

pub fn answering(bytes: &'static [u8]) -> String {
    site("127.0.0.1", move |mut stream| {
        request(&stream);
        stream.write_all(bytes).unwrap();
    })
}

/// A program that sees no network interface.
pub fn without_network(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--net").arg(program);
    command
}

/// Gives a command a mount namespace of its own, in which `make_mounts` is called before it starts.
pub fn with_mounts(command: &mut Command, make_mounts: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    use nix::sched::{CloneFlags, unshare};
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let enter = move || {
        if !user.is_root() {
            unshare(CloneFlags::CLONE_NEWUSER)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        make_mounts()
    };
    // SAFETY: between fork and exec it changes only what is the child's own, and takes no lock but the allocator's, which
    // the C library makes safe to use after a fork.
    unsafe { command.pre_exec(enter) };
}

/// Lets a command see a machine whose systemd is asked over the bus at this address. systemctl asks only where
/// /run/systemd/system is, and root's looks for systemd's own socket first: so the command gets a /run of its own.
pub fn with_systemd<'a>(command: &'a mut Command, address: &str) -> &'a mut Command {
    with_mounts(command, || {
        mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        fs::create_dir_all("/run/systemd/system")
    });
    command.env("DBUS_SYSTEM_BUS_ADDRESS", address)
}

/// A message bus of its own, with the systemd of systemd.py on it; both end with it.
pub struct Bus {
    folder: TempDir,
    children: Vec<Child>,
}

impl Bus {
    /// A bus that nobody is on.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "<busconfig><type>system</type><listen>unix:path={}/bus</listen><policy context=\"default\">\
             <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/>\
             </policy></busconfig>",
            folder.path().display()
        );
        fs::write(folder.path().join("config"), config).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--nofork").arg(format!("--config-file={}", folder.path().join("config").display()));
        let mut bus = Self { folder, children: Vec::new() };
        // It says that it may not raise a limit, which it need not.
        daemon.stdin(Stdio::null()).stderr(Stdio::null());
        bus.children.push(daemon.spawn().expect("this test needs the package dbus-daemon"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while !bus.socket().exists() {
            assert!(Instant::now() < deadline, "no bus");
            thread::sleep(Duration::from_millis(20));
        }
        bus
    }

    /// A bus with a systemd that has these units: name, load, active, sub, result.
    pub fn with_units(units: &[[&str; 5]]) -> Self {
        let mut bus = Self::empty();
        let mut systemd = Command::new("/usr/bin/python3");
        systemd.arg(support_file("systemd.py")).args(units.iter().flatten());
        systemd.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut systemd = systemd.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(systemd.stdout.take().unwrap()).read_line(&mut line).unwrap();
        bus.children.push(systemd);
        assert_eq!(line, "ready\n", "this test needs the packages python3-dbus and python3-gi");
        bus
    }

    /// The address, as `DBUS_SYSTEM_BUS_ADDRESS` has it (see [`with_systemd`]).
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("bus")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        for child in &mut self.children {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Writes a history of `count` checks, ten minutes apart, that ends now; the numbers of the checks that found something
/// wrong in `bad`. CPU goes up from 0 by a tenth.
pub fn write_history(path: &Path, count: usize, bad: &[usize]) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let line = |number: usize| {
        let (time, cpu) = (now - 600 * (count - number) as u64, (number % 1000) as f64 / 10.0);
        match bad.contains(&number) {
            true => format!("{time}\t{cpu:.1}\t41.5\t60.1\t0.25\t-\tbad\tthe site <i>fell</i> & \"broke\"\n"),
            false => format!("{time}\t{cpu:.1}\t41.5\t60.1\t0.25\t{}\tok\t\n", 20 + number % 7),
        }
    };
    fs::write(path, (0..count).map(line).collect::<String>()).unwrap();
}
