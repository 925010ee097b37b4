//! A Debian booted in a container, with its own systemd and network: for what an emulated processor is too slow. The units'
//! hardening holds there too. It needs root, and systemd-nspawn(1); a user namespace does not do.
//!
//! All containers of a program are on one bridge, in a network of the program's own that is cut off from every other.

use std::fs;
use std::mem::forget;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::layers::{Root, on_own_disk, own_mounts};
use super::server::Server;
use super::{Built, kept, run, text};

/// How long it may take to boot, or whatever else is waited for.
pub const LIMIT: Duration = Duration::from_secs(300);

/// The group of all containers' groups of processes.
const CGROUPS: &str = "/sys/fs/cgroup/stackdeb-tests";

/// The network of all cards `eth0` (TEST-NET-2 of RFC 5737); the program itself has the address .1 there.
const NETWORK: &str = "198.51.100.";

/// The last number of the next container's address. Those below are for [`Options::number`].
static NUMBER: AtomicU8 = AtomicU8::new(100);

pub struct Options<'a> {
    /// Its host name, which no other container has at the same time: of ten letters at most, as it is in the names of its
    /// network cards outside.
    pub name: &'a str,
    /// The last number of its address if somebody else has chosen it (below 100); otherwise it gets one that is free.
    pub number: Option<u8>,
    /// The root of the container, made from an image of stackdeb's.
    pub image: Built,
    /// For cloud-init; `None` if there is no data source.
    pub user_data: Option<&'a str>,
    /// Whether there is a second card, `eth1`, which nobody has configured.
    pub cards: Cards,
}

/// The network cards of a container. All are on one wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cards {
    One,
    Two,
}

/// A running container; it ends when it is dropped.
pub struct Container {
    name: String,
    nspawn: Child,
    /// The container's process 1, as it is called outside.
    init: Pid,
    root: Root,
    address: String,
    console: PathBuf,
    cards: &'static [&'static str],
}

/// Gives this program what containers need around them: mounts and a network of its own, and the unified hierarchy of
/// cgroups. To be called before any thread is started, and when everything is built: afterwards there is no way out.
pub fn enter() {
    own_mounts();
    if !Path::new("/sys/fs/cgroup/cgroup.procs").exists() {
        // Debian 13's systemd knows the unified hierarchy alone.
        umount2("/sys/fs/cgroup", MntFlags::MNT_DETACH).unwrap();
        mount(Some("cgroup2"), "/sys/fs/cgroup", Some("cgroup2"), MsFlags::empty(), None::<&str>).unwrap();
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let script = format!(
        "ip link set lo up; ip link add bridge type bridge forward_delay 0; ip address add {NETWORK}1/24 dev bridge; \
         ip link set bridge up"
    );
    run(Command::new("sh").args(["-ec", &script]));
    watch();
}

/// Ends all containers when this program has ended, in whatever way: its end closes the pipe.
fn watch() {
    let groups = cgroup("*");
    let script = format!(
        "cat; for group in {groups}; do [ ! -e $group ] || echo 1 >$group/cgroup.kill; done; \
         for try in 1 2 3 4 5; do set -- {groups}; [ -e $1 ] || exit; find \"$@\" -depth -type d -exec rmdir {{}} +; sleep 1; done"
    );
    // In a session of its own, since Ctrl-C in a terminal ends all processes of the terminal's session.
    let mut watcher = Command::new("setsid");
    watcher.args(["sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // It is not waited for, and no program that is started here has the other end of the pipe.
    forget(watcher.spawn().unwrap());
}

impl Container {
    /// Boots the image without the package, and waits until everything is started.
    pub fn boot(name: &str) -> Self {
        let container = Self::start(&Options {
            name,
            number: None,
            image: Built::WithoutPackage,
            user_data: None,
            cards: Cards::One,
        });
        container.wait_until_booted();
        container
    }

    pub fn start(options: &Options) -> Self {
        let Options { name, number, image, user_data, cards } = *options;
        assert!(name.len() <= 10, "{name} is too long for the name of a network card");
        let number = number.unwrap_or_else(|| NUMBER.fetch_add(1, Ordering::Relaxed));
        let root = on_own_disk(image);
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        // It names disks that are not there.
        write("etc/fstab", "");
        let address = format!("{NETWORK}{number}");
        let network = format!("[Match]\nName=eth0\n\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\n");
        write("etc/systemd/network/60-test.network", &network);
        if let Some(user_data) = user_data {
            write("var/lib/cloud/seed/nocloud/user-data", user_data);
            write("var/lib/cloud/seed/nocloud/meta-data", &format!("instance-id: {name}\n"));
        }
        let cards: &[&str] = if cards == Cards::Two { &["eth0", "eth1"] } else { &["eth0"] };
        let console = kept().join(format!("container-{name}"));
        let nspawn = nspawn(name, cards, &root, &console);
        let init = init_of(&nspawn, &console);
        let container = Self { name: name.to_owned(), init, nspawn, root, address, console, cards };
        container.plug_in();
        container
    }

    /// Joins its cards to the bridge.
    fn plug_in(&self) {
        for card in self.cards {
            run(Command::new("ip").args(["link", "set", &format!("{}-{card}", self.name), "master", "bridge", "up"]));
        }
    }

    /// Shuts it down from inside, boots it again, and waits until everything is started.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.sh("systemctl poweroff --no-block");
        let begin = Instant::now();
        while self.nspawn.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < LIMIT, "it does not shut down: {}", self.console());
            thread::sleep(Duration::from_millis(200));
        }
        self.nspawn = nspawn(&self.name, self.cards, &self.root, &self.console);
        self.init = init_of(&self.nspawn, &self.console);
        self.plug_in();
        self.wait_until_booted();
    }

    /// Waits until systemd has started everything, of which nothing may fail.
    #[track_caller]
    pub fn wait_until_booted(&self) {
        let begin = Instant::now();
        while !matches!(self.state().as_str(), "running" | "degraded") {
            assert!(begin.elapsed() < LIMIT, "it does not boot: {}\n{}", self.state(), self.console());
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(self.sh("systemctl --failed --no-legend"), "");
    }

    /// Ends everything in it at once, which is as if the power failed.
    pub fn kill(&mut self) {
        let _ = kill(self.init, Signal::SIGKILL);
        let _ = self.nspawn.wait();
    }

    /// Its address, without a port.
    pub fn host(&self) -> &str {
        &self.address
    }

    fn shell(&self, command: &str) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--target", &self.init.to_string(), "--all", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8"]);
        nsenter.args(["PATH=/usr/sbin:/usr/bin", "bash", "-c", command]).stdin(Stdio::null());
        nsenter
    }

    fn state(&self) -> String {
        text(&self.shell("systemctl is-system-running 2>&1").output().unwrap()).trim().to_owned()
    }
}

impl Server for Container {
    fn address(&self) -> String {
        format!("{}:80", self.address)
    }

    fn limit(&self) -> Duration {
        LIMIT
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap()).into_owned()
    }

    fn try_sh(&self, command: &str) -> Output {
        self.shell(command).output().unwrap()
    }

    fn copy(&self, file: &Path) {
        fs::copy(file, self.root.path().join("root").join(file.file_name().unwrap())).unwrap();
    }
}

/// The group of a container's processes. Another run of the tests may have a container of the same name.
fn cgroup(name: &str) -> String {
    format!("{CGROUPS}/{}-{name}", std::process::id())
}

fn nspawn(name: &str, cards: &[&str], root: &Root, console: &Path) -> Child {
    let cgroup = cgroup(name);
    fs::create_dir_all(&cgroup).unwrap();
    let script = format!("echo $$ >{cgroup}/cgroup.procs; exec systemd-nspawn \"$@\"");
    let mut nspawn = Command::new("sh");
    nspawn.args(["-ec", &script, "sh", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"]);
    nspawn.arg("--link-journal=no");
    nspawn.args(cards.iter().map(|card| format!("--network-veth-extra={name}-{card}:{card}")));
    nspawn.args([&format!("--machine={name}"), "--directory"]).arg(root.path());
    let output = fs::File::create(console).unwrap();
    nspawn.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    nspawn.spawn().unwrap()
}

/// The only child of systemd-nspawn that stays.
fn init_of(nspawn: &Child, console: &Path) -> Pid {
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
        let said = || fs::read_to_string(console).unwrap_or_default();
        assert!(begin.elapsed() < LIMIT, "systemd-nspawn starts nothing: {}", said());
        thread::sleep(Duration::from_millis(100));
    }
}

impl Drop for Container {
    /// With its process 1 all of its processes end.
    fn drop(&mut self) {
        self.kill();
        let cgroup = cgroup(&self.name);
        let _ = Command::new("find").args([&cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]).status();
    }
}
