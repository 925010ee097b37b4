//! What a machine is to be: its image, its size, its disks, its network and what it learns from Linode.

use std::path::{Path, PathBuf};

use super::accelerator::Accelerator;
use super::arguments::{BootMethod, DiskOrder, Forward, OnReset, SharedNetwork};

/// What Linode takes from a plan's disk for the swap disk, in MiB.
pub const SWAP_MIB: u64 = 512;

/// What a machine is made of, and what it learns from Linode.
#[derive(Debug, Clone)]
pub struct MachineOptions {
    /// The image, raw or compressed with gzip. It is only read.
    pub image: PathBuf,
    pub boot: BootMethod,
    /// How much memory the machine gets, in MiB.
    pub memory_mib: u32,
    pub cpus: u32,
    /// Size of the root disk in MiB. On this computer it takes up only what is written to it.
    pub disk_mib: u64,
    /// Size of the swap disk in MiB. On this computer it takes up only what is written to it.
    pub swap_mib: u64,
    pub order: DiskOrder,
    /// What a reset from inside does.
    pub on_reset: OnReset,
    /// Ports that lead into the machine.
    pub forwards: Vec<Forward>,
    /// The network that it shares with other machines on this computer.
    pub network: Option<SharedNetwork>,
    /// The name by which its site is asked, if it does not answer to every name.
    pub host: Option<String>,
    pub label: String,
    pub user_data: Vec<u8>,
    /// A public SSH key that root is to have, in one line as in `authorized_keys`. The user data need not have it.
    pub root_key: Option<String>,
    pub accelerator: Accelerator,
    /// The program that QEMU starts as the pump, with [`super::pump::ARGUMENT`]: stackdeb itself.
    pub pump: PathBuf,
    /// A folder with room for the disks.
    pub scratch: PathBuf,
}

impl MachineOptions {
    /// A machine like Linode's smallest: one processor, 1 GiB of memory, 25 GiB of disk, of them [`SWAP_MIB`] swap.
    pub fn smallest(image: &Path, boot: BootMethod, accelerator: Accelerator, pump: &Path, scratch: &Path) -> Self {
        Self {
            image: image.to_owned(),
            boot,
            memory_mib: 1024,
            cpus: 1,
            disk_mib: 25 * 1024 - SWAP_MIB,
            swap_mib: SWAP_MIB,
            order: DiskOrder::RootFirst,
            on_reset: OnReset::BootAgain,
            forwards: Vec::new(),
            network: None,
            host: None,
            label: "stackdeb".to_owned(),
            user_data: Vec::new(),
            root_key: None,
            accelerator,
            pump: pump.to_owned(),
            scratch: scratch.to_owned(),
        }
    }
}
