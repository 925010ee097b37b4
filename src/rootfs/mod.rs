//! From `.deb` files to a configured root: the essential packages are unpacked by us, then the suite's own dpkg, in a
//! sandbox, installs them and all the others. Verified packages and an order come in; a tree goes out that differs from
//! what Debian's own tools make only in what a machine makes for itself. [`finish`] then takes out of it what no two
//! machines may have in common, and what tells of the build.

mod build;
mod filter;
pub mod finish;
pub mod packages;
pub mod sandbox;
mod unpack;

pub use build::{BuildError, Plan, Step, build};
pub use filter::PathRule;
pub use sandbox::{Sandbox, SandboxError};
pub use unpack::UnpackError;
