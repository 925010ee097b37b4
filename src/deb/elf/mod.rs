//! Prepares an executable for a package: [`dependencies()`] finds the packages with its libraries, and [`strip()`] removes
//! what only a debugger reads. It must be an ELF file for amd64 that is linked against glibc.

mod dependencies;
mod error;
mod program;
mod shared;
mod strip;
#[cfg(test)]
mod tests;

pub use dependencies::dependencies;
pub use error::ElfError;
pub use program::is_elf;
pub use shared::{Libraries, has_symbols, is_static};
pub use strip::strip;
