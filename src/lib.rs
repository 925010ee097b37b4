//! From one `stack.toml` to Debian packages and a bootable disk image: see README.md, and each module's first paragraph
//! for its part of the way.

pub mod apt;
pub mod cli;
pub mod commands;
pub mod control;
pub mod deb;
pub mod disk;
pub mod linode;
pub mod render;
pub mod rootfs;
pub mod stack;
pub mod system;
pub mod vm;

use std::process::ExitCode;

/// What this program is when it runs itself: the first process of a sandbox, or the way to the metadata service. `None`
/// when it was started by a user.
pub fn inner_program() -> Option<ExitCode> {
    rootfs::sandbox::main().or_else(vm::pump::main)
}
