//! A Linode on this machine: QEMU with Linode's boot loader, disks, identity and metadata service. An image goes in and is
//! never written to; out come a running machine, what its serial console said and when, and what its site answered.

pub mod accelerator;
pub mod arguments;
pub mod console;
mod error;
pub mod first_answer;
pub mod grub;
pub mod http;
pub mod machine;
pub mod metadata;
pub mod monitor;
pub mod probe;
pub mod pump;
mod qemu;
pub mod scratch;
