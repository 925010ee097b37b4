//! What the command sees as its file system: the root, and mounts that vanish with the namespace. The host's `/dev` is
//! never mounted: the sandbox has nodes of its own on a tmpfs.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mkdirat, mknod};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Uid, chdir, chown, fchownat, pivot_root};

use super::spec::{Access, Bind, Network, Spec};
use super::step::{SetupError, SetupStep};

/// The device nodes (name, major and minor number), as in the kernel's devices.txt.
const NODES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// The group `tty` of every Debian system (base-passwd).
const TTY: u32 = 5;

/// Links in `/dev`, as udev and containers make them.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// The parts of `/proc` that control the whole machine and not only these namespaces.
const KERNEL_SETTINGS: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// The parts of `/proc` that tell about the whole machine what only its administrator should know.
const HIDDEN: [&str; 6] = ["kcore", "key-users", "keys", "latency_stats", "sched_debug", "timer_list"];

/// Makes the mounts and changes into the root. The host's file system is out of reach afterwards.
pub(super) fn set_up(spec: &Spec) -> Result<(), SetupError> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .step("make the mounts private")?;
    let root = spec.root.mount().step(format!("mount the root {}", spec.root))?;
    let maker = Maker { root: &root, owner: spec.ids.root(), tty: spec.ids.outside(TTY).unwrap_or_default() };
    let private = maker.tmpfs("mnt", "0755")?;
    for shown in &spec.binds {
        bind_below(&private, shown)?;
    }
    if let Some(inside) = &spec.tree {
        show_tree(&private, spec, inside).step(format!("show the root at /mnt/{}", inside.display()))?;
    }
    maker.make_devices(&maker.tmpfs("dev", "0755")?)?;
    let run = maker.tmpfs("run", "0755")?;
    maker.make_folder(&format!("{}/lock", path_of(&run)), 0o1777).step("make /run/lock")?;
    maker.tmpfs("tmp", "1777")?;
    maker.mount_proc(spec.network)?;
    nix::unistd::fchdir(&root).step("enter the root")?;
    pivot_root(".", ".").step("change the root (pivot_root)")?;
    umount2(".", MntFlags::MNT_DETACH).step("leave the host's file system")?;
    chdir("/").step("enter the root")?;
    // Devices in the root itself, should it have any, are files without a function, and so are set-user-id bits.
    restrict(Path::new("/"), MsFlags::MS_NODEV | MsFlags::MS_NOSUID, spec.root_access).step("restrict the root")
}

fn bind(host: &Path, target: &Path) -> nix::Result<()> {
    mount(Some(host), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
}

fn bind_below(private: &OwnedFd, shown: &Bind) -> Result<(), SetupError> {
    let target = Path::new(&path_of(private)).join(&shown.inside);
    let action = || format!("show {} at /mnt/{}", shown.host.display(), shown.inside.display());
    let parent = target.parent().unwrap_or(&target);
    fs::create_dir_all(parent).step(action())?;
    let host = fs::metadata(&shown.host).step(action())?;
    if host.is_dir() {
        fs::create_dir_all(&target).step(action())?
    } else {
        fs::write(&target, b"").step(action())?
    }
    bind(&shown.host, &target).step(action())?;
    restrict(&target, MsFlags::MS_NODEV | MsFlags::MS_NOSUID, shown.access).step(action())
}

fn show_tree(private: &OwnedFd, spec: &Spec, inside: &Path) -> std::io::Result<()> {
    let target = Path::new(&path_of(private)).join(inside);
    fs::create_dir_all(&target)?;
    spec.root.mount_at(&target)?;
    Ok(restrict(&target, MsFlags::MS_NODEV | MsFlags::MS_NOSUID, Access::ReadOnly)?)
}

/// Adds restrictions to a mount. Those that it has stay: in a user namespace they cannot be lifted (mount_namespaces(7)).
fn restrict(target: &Path, more: MsFlags, access: Access) -> nix::Result<()> {
    let present = statvfs(target)?.flags();
    let known = [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | more;
    flags.extend(known.into_iter().filter(|(flag, _)| present.contains(*flag)).map(|(_, flag)| flag));
    if access == Access::ReadOnly {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
}

/// Makes the sandbox's own file systems. What is in them belongs to the root's own root, as in a machine that has booted.
struct Maker<'a> {
    root: &'a OwnedFd,
    /// The id on this machine of the root's own root.
    owner: u32,
    /// The id on this machine of the root's group tty.
    tty: u32,
}

impl Maker<'_> {
    /// Opens a folder of the root for a mount; makes it if it is missing. No link leads out of the root.
    fn mount_point(&self, name: &str) -> Result<OwnedFd, SetupError> {
        match mkdirat(self.root, name, Mode::from_bits_truncate(0o755)) {
            Ok(()) => {
                let (user, group) = (Some(Uid::from_raw(self.owner)), Some(Gid::from_raw(self.owner)));
                fchownat(self.root, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW).step(format!("make /{name}"))?;
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno).step(format!("make /{name}")),
        }
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(self.root, name, how).step(format!("open /{name}, which must be a folder"))
    }

    fn tmpfs(&self, name: &str, mode: &str) -> Result<OwnedFd, SetupError> {
        let point = self.mount_point(name)?;
        let options = format!("mode={mode},uid={owner},gid={owner}", owner = self.owner);
        let flags = MsFlags::MS_NOSUID;
        mount(Some("tmpfs"), path_of(&point).as_str(), Some("tmpfs"), flags, Some(options.as_str()))
            .step(format!("mount a tmpfs at /{name}"))?;
        self.mount_point(name)
    }

    fn make_devices(&self, dev: &OwnedFd) -> Result<(), SetupError> {
        let dev = path_of(dev);
        for (name, major, minor) in NODES {
            make_node(&dev, name, makedev(major, minor)).step(format!("make /dev/{name}"))?;
        }
        for (name, target) in LINKS {
            symlink(target, format!("{dev}/{name}")).step(format!("make /dev/{name}"))?;
        }
        self.make_folder(&format!("{dev}/shm"), 0o1777).step("make /dev/shm")?;
        let pts = format!("{dev}/pts");
        self.make_folder(&pts, 0o755).step("make /dev/pts")?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let options = format!("newinstance,ptmxmode=0666,mode=0620,gid={}", self.tty);
        mount(Some("devpts"), pts.as_str(), Some("devpts"), flags, Some(options.as_str()))
            .step("mount a devpts at /dev/pts")
    }

    fn make_folder(&self, path: &str, mode: u32) -> std::io::Result<()> {
        fs::create_dir(path)?;
        chown(path, Some(Uid::from_raw(self.owner)), Some(Gid::from_raw(self.owner)))?;
        fs::set_permissions(path, PermissionsExt::from_mode(mode))
    }

    fn mount_proc(&self, network: Network) -> Result<(), SetupError> {
        let point = self.mount_point("proc")?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), path_of(&point).as_str(), Some("proc"), flags, None::<&str>)
            .step("mount a /proc of its own (a container that hides parts of /proc forbids it)")?;
        let proc = self.mount_point("proc")?;
        // As in many containers: a program may listen at port 80, and needs no capability for it.
        let ports = Path::new(&path_of(&proc)).join("sys/net/ipv4/ip_unprivileged_port_start");
        if network == Network::Own && ports.exists() {
            fs::write(&ports, b"0").step("allow all ports")?;
        }
        for name in KERNEL_SETTINGS {
            let path = Path::new(&path_of(&proc)).join(name);
            if path.exists() {
                let action = || format!("protect /proc/{name}");
                bind(&path, &path).step(action())?;
                restrict(&path, flags, Access::ReadOnly).step(action())?;
            }
        }
        let dev = self.mount_point("dev")?;
        let empty = format!("{}/null", path_of(&dev));
        for name in HIDDEN {
            let path = Path::new(&path_of(&proc)).join(name);
            if path.exists() {
                bind(Path::new(&empty), &path).step(format!("hide /proc/{name}"))?;
            }
        }
        Ok(())
    }
}

fn make_node(dev: &str, name: &str, device: u64) -> std::io::Result<()> {
    let path = format!("{dev}/{name}");
    match mknod(path.as_str(), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), device) {
        // A user namespace makes no devices; the host's single node is bound over a plain file. Nobody can change its
        // owner or permissions there; a device can be written to all the same.
        Err(Errno::EPERM) => {
            fs::write(&path, b"")?;
            bind(&Path::new("/dev").join(name), Path::new(&path))?;
            Ok(restrict(Path::new(&path), MsFlags::MS_NOSUID, Access::ReadOnly)?)
        }
        result => {
            result?;
            fs::set_permissions(&path, PermissionsExt::from_mode(0o666))
        }
    }
}

/// The path by which this process reaches an open file, whatever it is called.
fn path_of(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
