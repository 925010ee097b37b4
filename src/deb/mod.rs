//! The .deb file format (deb(5)). [`write()`]: a valid [`Package`] (control data, payload, maintainer
//! scripts) → a .deb. [`Reader`]: a .deb → its control data and files. [`Upload`]: the files that describe a .deb to an
//! archive. [`install_steps`]: several .debs → the calls of dpkg that install them. [`elf`] finds the packages that an
//! executable needs, and strips it; [`debug_package`] has what it took out.

mod compress;
mod control;
pub mod debug_package;
pub mod elf;
mod entries;
mod install_order;
mod package;
mod payload;
mod reader;
mod tarball;
mod upload;
mod writer;

#[cfg(test)]
pub(crate) use compress::tests::hungry_xz;
pub use compress::{Compression, xz_decoder};
pub use control::{Control, ControlError, ControlRules};
pub use debug_package::DebugFiles;
pub use entries::{ArchiveEntry, Entries, entries};
pub use install_order::{InstallOrderError, install_calls, install_steps};
pub use package::{CheckedPackage, Package, PackageError, Scripts};
pub use payload::{Content, Payload, PayloadEntry, PayloadError};
pub use reader::{ControlFile, ReadError, Reader, finish};
pub use tarball::{Properties, Tarball};
pub use upload::{DistributionError, Upload, UploadDistribution, UploadedFile};
pub use writer::{WriteError, Written, write};
