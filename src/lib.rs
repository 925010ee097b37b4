//! From one `stack.toml` to Debian packages and a bootable disk image: see README.md, and each module's first paragraph
//! for its part of the way.

pub mod apt;
pub mod commands;
pub mod control;
pub mod deb;
pub mod disk;
pub mod render;
pub mod rootfs;
pub mod stack;
pub mod system;
pub mod vm;
