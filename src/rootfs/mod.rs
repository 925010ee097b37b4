//! From `.deb` files to a configured root. This program unpacks the essential packages; then the suite's own dpkg, in a
//! sandbox, installs them and all the others in the order that the caller gives. The result is what Debian's own tools
//! make, except for what each machine makes for itself. What is before the stack's own package, the base, can be kept
//! ([`keep`]). [`finish`] then removes what two machines must not share (keys, identities) and the traces of the build.

mod attributes;
mod build;
mod build_error;
mod command;
mod entry;
mod file;
mod filter;
pub mod finish;
pub mod keep;
mod overlay;
mod own_files;
pub mod packages;
mod pool;
mod root;
pub mod sandbox;
mod unpack;

pub use build::{Addition, DpkgStep, RootPlan, build, complete};
pub use build_error::BuildError;
pub use command::{CommandResult, RunInRoot};
pub use entry::{EntryKind, RootEntry};
pub use file::RootFile;
pub use filter::PathRule;
pub use overlay::Overlay;
pub use root::Root;
pub use sandbox::{Sandbox, SandboxError};
pub use unpack::UnpackError;
