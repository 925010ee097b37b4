//! The pipelines: [`package`] makes a `.deb` from a [`crate::stack::Stack`], [`crate_package`] from a crate, and [`image`]
//! makes a disk image from that package and a Debian repository ([`archive`]). They join the modules to their left, decide in
//! which folder each file is made, and replace the files in `dist/` last, when nothing can fail any more but the writing
//! itself.

pub mod advice;
pub mod archive;
pub mod asked;
mod assemble;
mod base;
mod build_command;
mod build_root;
pub mod built_package;
pub mod check;
mod choice;
mod crate_files;
pub mod crate_package;
pub mod deb;
mod debian_libraries;
mod description;
mod exchange;
pub mod fresh;
pub mod image;
mod image_manifest;
mod image_root;
mod image_suite;
mod installed;
mod layer;
pub mod libraries;
mod linked;
pub mod local;
pub mod lock;
mod lock_file;
pub mod lock_packages;
mod locked_image;
pub mod newest_image;
pub mod package;
mod packed;
mod pip;
mod source;
mod source_advice;
mod source_build;
mod static_files;
mod unchanged;
pub mod update;
pub mod upload;
pub mod watch;
mod write;
