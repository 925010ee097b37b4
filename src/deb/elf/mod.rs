//! Prepares ELF files for amd64 for a package. [`Programs`] reads what they link, and [`resolve`] makes relations of that and of
//! what the packages with the libraries promise. [`dependencies()`] finds those of a program that links glibc alone, and
//! [`strip()`] removes what only a debugger reads, and
//! [`separate()`] keeps it in a file of its own.

mod dependencies;
mod error;
mod linked;
mod program;
mod promises;
mod resolve;
mod separate;
#[cfg(test)]
mod separate_tests;
mod shared;
mod strip;
#[cfg(test)]
mod tests;

pub use dependencies::dependencies;
pub use error::ElfError;
pub use linked::{Linked, Programs, Symbol};
pub use program::is_elf;
pub use promises::{LibrarySymbols, Promise, about, split_name};
pub use resolve::{LibraryPackage, Needed, TooOld, resolve};
pub use separate::{DebugSections, Separated, has_debugging_data, separate};
pub use shared::{by_table, has_symbols, is_static};
pub use strip::strip;
