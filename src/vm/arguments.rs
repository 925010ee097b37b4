//! QEMU's command line for a machine that is like a Linode: its DMI table, network card, disks, and the way it boots. Disks
//! and connections are file descriptors that QEMU inherits, so they need no names, and nothing of them remains.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::accelerator::Accelerator;
use super::pump;

/// What the machine starts its kernel with.
#[derive(Debug, Clone)]
pub enum BootMethod {
    /// GRUB from a file on this computer (module `grub`). It reads `/boot/grub/grub.cfg` of the first
    /// disk, as Linode's `linode/grub2` does.
    Grub { loader: PathBuf },
    /// A kernel from a file on this computer, as Linode's own kernels are.
    Kernel { kernel: PathBuf, initrd: Option<PathBuf>, command_line: String },
}

/// Which disk comes first on the SCSI bus. GRUB's `(hd0)` is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskOrder {
    /// Root first, as on a Linode.
    RootFirst,
    /// Swap first: tests show with it that nothing relies on disk names.
    SwapFirst,
}

/// What a reset from inside does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnReset {
    /// The machine boots again, as a Linode does.
    BootAgain,
    /// QEMU ends; with `panic=-1` on the kernel's command line a panic then ends it at once.
    End,
}

/// A port of this computer's loopback address that leads to one of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// The port of this computer that is listened at.
    pub host: u16,
    /// The port of the machine that it leads to.
    pub guest: u16,
}

/// A network that machines on this computer share: those with the same UDP port. It is the second card of each.
/// Nobody else is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedNetwork {
    /// UDP port of the loopback address that carries the Ethernet frames.
    pub port: u16,
}

/// All values that the command line depends on.
pub(super) struct Arguments<'a> {
    pub accelerator: Accelerator,
    pub boot: &'a BootMethod,
    pub memory_mib: u32,
    pub cpus: u32,
    pub order: DiskOrder,
    pub on_reset: OnReset,
    pub forwards: &'a [Forward],
    pub network: Option<SharedNetwork>,
    pub serial_number: u32,
    /// A public SSH key that root is to have.
    pub root_key: Option<&'a str>,
    pub pump: &'a Path,
    pub metadata: SocketAddr,
    pub root: RawFd,
    pub swap: RawFd,
    pub monitor: RawFd,
    pub console: RawFd,
}

impl Arguments<'_> {
    /// The words of the command line, in QEMU's order.
    pub fn build(&self) -> Vec<OsString> {
        let mut list: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| list.extend(words.iter().map(OsString::from));
        add(&["-name", "stackdeb", "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std"]);
        add(&self.accelerator.arguments(self.cpus));
        add(&["-m", &self.memory_mib.to_string(), "-smp", &self.cpus.to_string()]);
        add(&["-smbios", &format!("type=1,manufacturer=Akamai,product=Linode,serial={}", self.serial_number)]);
        // `v6=0` tells cloud-init that the metadata service has no IPv6 address, which QEMU could not forward.
        add(&["-smbios", "type=2,manufacturer=Linode,serial=v6=0"]);
        if let Some(key) = self.root_key {
            // A credential that systemd writes into root's authorized_keys (systemd.system-credentials(7)).
            let (name, key) = ("ssh.authorized_keys.root", BASE64_STANDARD.encode(key));
            add(&["-smbios", &format!("type=11,value=io.systemd.credential.binary:{name}={key}")]);
        }
        if self.on_reset == OnReset::End {
            add(&["-no-reboot"]);
        }
        // A credential for systemd (systemd.system-credentials(7)): units/acme.service has the condition that it is not there.
        add(&["-smbios", "type=11,value=io.systemd.credential:stackdeb.boot=yes"]);
        for (id, descriptor) in [("monitor", self.monitor), ("console", self.console)] {
            add(&["-chardev", &format!("socket,id={id},fd={descriptor}")]);
        }
        add(&["-mon", "chardev=monitor,mode=control", "-serial", "chardev:console"]);
        add(&["-device", "virtio-scsi-pci,id=scsi"]);
        let (root, swap) = match self.order {
            DiskOrder::RootFirst => (0, 1),
            DiskOrder::SwapFirst => (1, 0),
        };
        for (id, descriptor, position) in [("root", self.root, root), ("swap", self.swap, swap)] {
            // What the machine writes goes to an unnamed overlay of QEMU's own; the file stays as it is.
            add(&["-drive", &format!("if=none,id={id},format=raw,snapshot=on,file=/proc/self/fd/{descriptor}")]);
            add(&["-device", &format!("scsi-hd,drive={id},bus=scsi.0,scsi-id={position}")]);
        }
        add(&["-netdev", &self.user_network()]);
        add(&["-device", "virtio-net-pci,netdev=net,mac=f2:3c:95:00:00:01,romfile="]);
        if let Some(SharedNetwork { port }) = self.network {
            // The frames are multicast on the loopback device, so they never leave this computer.
            add(&["-netdev", &format!("socket,id=shared,mcast=230.0.0.1:{port},localaddr=127.0.0.1")]);
            let [a, b, c, d] = self.serial_number.to_be_bytes();
            add(&[
                "-device",
                &format!("virtio-net-pci,netdev=shared,mac=f2:3d:{a:02x}:{b:02x}:{c:02x}:{d:02x},romfile="),
            ]);
        }
        match self.boot {
            BootMethod::Grub { loader } => list.extend(["-kernel".into(), loader.into()]),
            BootMethod::Kernel { kernel, initrd, command_line } => {
                list.extend(["-kernel".into(), kernel.into(), "-append".into(), command_line.into()]);
                list.extend(initrd.iter().flat_map(|initrd| ["-initrd".into(), initrd.into()]));
            }
        }
        list
    }

    /// QEMU's user network. It contains the address of the metadata service.
    fn user_network(&self) -> String {
        let pump = self.pump.display().to_string();
        // QEMU splits the command as a shell does, and needs each comma in a value doubled.
        let command =
            format!("'{}' {} {}", pump.replace('\'', r"'\''"), pump::ARGUMENT, self.metadata).replace(',', ",,");
        let mut network = format!(
            "user,id=net,net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3,dhcpstart=169.254.10.15,\
             guestfwd=tcp:169.254.169.254:80-cmd:{command}"
        );
        for Forward { host, guest } in self.forwards {
            network.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
        }
        network
    }
}
