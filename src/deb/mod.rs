//! The .deb file format (deb(5)), whatever is in it: a [`Package`] (control data, payload, maintainer scripts) comes in, is
//! checked, and goes out as a .deb through [`write()`]; a .deb comes in and its control data and files go out through
//! [`Reader`]. What is in a stack's own package is put together by [`assemble()`], with what [`elf`] says of the executable
//! in it.

mod assemble;
mod compress;
mod control;
pub mod elf;
mod package;
mod payload;
mod reader;
mod tarball;
mod writer;

pub use assemble::{AssembleError, assemble};
pub use control::{Control, ControlError};
pub use package::{CheckError, Checked, Package, Scripts};
pub use payload::{Entry, Payload, PayloadError, Source};
pub use reader::{ControlFile, ReadError, Reader, finish};
pub use writer::{WriteError, Written, write};
