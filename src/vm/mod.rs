//! A Linode on this machine: QEMU with Linode's boot loader, disks, identity and metadata service. An image, which is
//! only read → a running machine, the lines of its serial console with their times, and the answers of its site.

pub mod accelerator;
pub mod arguments;
pub mod boot;
pub mod console;
mod error;
pub mod first_answer;
pub mod further_sites;
pub mod grub;
pub mod http;
pub mod loader;
pub mod machine;
pub mod metadata;
pub mod monitor;
pub mod options;
pub mod probe;
pub mod pump;
mod qemu;
pub mod scratch;
pub mod screen;
