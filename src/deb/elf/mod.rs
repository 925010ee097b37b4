//! What a package has to know of an executable that it carries: the packages that hold its libraries, and its bytes
//! without what only a debugger reads. An ELF file for amd64, linked against glibc, comes in; relations, or the stripped
//! file, go out.

mod dependencies;
mod error;
mod program;
mod strip;
#[cfg(test)]
mod tests;

pub use dependencies::dependencies;
pub use error::ElfError;
pub use strip::strip;
