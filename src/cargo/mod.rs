//! A crate that cargo-deb knows: its `[package.metadata.deb]`, as `cargo metadata` tells it, and the files it names → the
//! same package that cargo-deb 3.8 writes, less its defects. `docs/reasons/cargo-deb.md` lists each difference.
//!
//! [`CratePlan::read`] reads and checks the metadata, [`CratePlan::compile`] lets cargo build the programs, and
//! [`CratePlan::package`] puts the package together. Nothing is written here.

mod asset;
mod assets;
mod compile;
mod control;
mod description;
mod error;
mod keys;
mod links;
mod metadata;
mod multiarch;
mod of_stack;
mod options;
mod papers;
mod plan;
mod programs;
mod resolve;
mod scripts;
mod table;
mod units;

pub use error::CargoError;
pub use multiarch::Multiarch;
pub use options::{Compile, Options};
pub use plan::{CratePackage, CratePlan};

use std::path::Path;

/// Whether a folder has a crate or a workspace in it.
pub fn is_crate(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file()
}
