//! The .deb file format (deb(5)). [`write()`]: a valid [`Package`] (control data, payload, maintainer scripts) → a
//! .deb. [`Reader`]: a .deb → its control data and files. [`elf`] finds the packages that an executable needs, and
//! strips it.

mod compress;
mod control;
pub mod elf;
mod package;
mod payload;
mod reader;
mod tarball;
mod writer;

pub use compress::Compression;
pub use control::{Control, ControlError};
pub use package::{Checked, Package, PackageError, Scripts};
pub use payload::{Content, Entry, Payload, PayloadError};
pub use reader::{ControlFile, ReadError, Reader, finish};
pub use writer::{WriteError, Written, write};
