//! A Debian booted in a container, with its own systemd and network: for what an emulated processor is too slow. The units'
//! hardening holds there too. It needs root, and systemd-nspawn(1); a user namespace does not do.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::layers::{Root, base, own_mounts};
use super::upgrade::Server;
use super::{kept, run, text};

/// How long it may take to boot.
const LIMIT: Duration = Duration::from_secs(120);

/// The group of its processes, and of their groups.
const CGROUP: &str = "/sys/fs/cgroup/stackdeb-tests";

/// A running container; it ends when it is dropped.
pub struct Container {
    nspawn: Child,
    /// The container's process 1, as it is called outside.
    init: Pid,
    root: Root,
}

/// Gives this program what a container needs around it: mounts of its own, and the unified hierarchy of cgroups. To be called before any thread is started.
pub fn enter() {
    own_mounts();
    if !Path::new("/sys/fs/cgroup/cgroup.procs").exists() {
        // Debian 13's systemd knows the unified hierarchy alone.
        umount2("/sys/fs/cgroup", MntFlags::MNT_DETACH).unwrap();
        mount(Some("cgroup2"), "/sys/fs/cgroup", Some("cgroup2"), MsFlags::empty(), None::<&str>).unwrap();
    }
}

impl Container {
    /// Boots the image without the package, and waits until everything is started. The calling thread gets the container's
    /// network, which is cut off from every other.
    pub fn boot() -> Self {
        let root = base();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        // It names disks that are not there.
        fs::write(root.path().join("etc/fstab"), "").unwrap();
        fs::create_dir_all(CGROUP).unwrap();
        let script = format!("ip link set lo up; echo $$ >{CGROUP}/cgroup.procs; exec systemd-nspawn \"$@\"");
        let mut nspawn = Command::new("sh");
        nspawn.args(["-ec", &script, "sh", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"]);
        nspawn.args(["--link-journal=no", "--machine=server", "--directory"]).arg(root.path());
        let console = fs::File::create(kept().join("container-console")).unwrap();
        nspawn.stdin(Stdio::null()).stdout(console.try_clone().unwrap()).stderr(console);
        let nspawn = nspawn.spawn().unwrap();
        let container = Self { init: init_of(&nspawn), nspawn, root };
        let begin = Instant::now();
        while !matches!(container.state().as_str(), "running" | "degraded") {
            assert!(begin.elapsed() < LIMIT, "it does not boot: {}", container.state());
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(container.sh("systemctl --failed --no-legend"), "");
        container
    }

    /// Copies a file to `/root` there.
    pub fn copy(&self, file: &Path) {
        fs::copy(file, self.root.path().join("root").join(file.file_name().unwrap())).unwrap();
    }

    fn shell(&self, command: &str) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--target", &self.init.to_string(), "--all", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8"]);
        nsenter.args(["PATH=/usr/sbin:/usr/bin", "sh", "-c", command]);
        nsenter
    }

    fn state(&self) -> String {
        text(&self.shell("systemctl is-system-running 2>&1").output().unwrap()).trim().to_owned()
    }
}

impl Server for Container {
    fn address(&self) -> String {
        "127.0.0.1:80".to_owned()
    }

    fn sh(&self, command: &str) -> String {
        run(&mut self.shell(command)).trim().to_owned()
    }
}

/// The only child of systemd-nspawn that stays.
fn init_of(nspawn: &Child) -> Pid {
    let begin = Instant::now();
    let children = format!("/proc/{0}/task/{0}/children", nspawn.id());
    loop {
        let numbers = fs::read_to_string(&children).unwrap_or_default();
        for number in numbers.split_whitespace() {
            let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
            if name.trim() == "systemd" {
                return Pid::from_raw(number.parse().unwrap());
            }
        }
        assert!(begin.elapsed() < LIMIT, "systemd-nspawn starts nothing");
        thread::sleep(Duration::from_millis(100));
    }
}

impl Drop for Container {
    /// With its process 1 all of its processes end.
    fn drop(&mut self) {
        let _ = kill(self.init, Signal::SIGKILL);
        let _ = self.nspawn.wait();
        let _ = Command::new("find").args([CGROUP, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]).status();
    }
}
