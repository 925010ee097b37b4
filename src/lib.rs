//! Builds Debian packages and a bootable disk image from one `stack.toml`. README.md says what that is for; the first
//! paragraph of each module says what the module does.

#![warn(clippy::print_stdout, clippy::print_stderr, reason = "system::print does it without a panic")]

pub mod apt;
pub mod build;
pub mod cargo;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod control;
pub mod deb;
pub mod disk;
pub mod linode;
pub mod python;
pub mod remote;
pub mod render;
pub mod repository;
pub mod rootfs;
pub mod stack;
pub mod system;
pub mod vm;

use std::process::ExitCode;

/// Runs the part of the program that it starts by itself: the first process of a sandbox, or the connection of a
/// virtual machine to the metadata service. Returns `None` if a user has started the program.
pub fn inner_program() -> Option<ExitCode> {
    rootfs::sandbox::main().or_else(vm::pump::main)
}
