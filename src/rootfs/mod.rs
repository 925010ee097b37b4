//! From `.deb` files to a configured root: the essential packages are unpacked by us, then the suite's own dpkg, in a
//! sandbox, installs them and all the others. Verified packages and an order come in; a tree goes out that differs from
//! what Debian's own tools make only in what a machine makes for itself.

pub mod finish;
pub mod packages;
pub mod sandbox;

pub use sandbox::{Sandbox, SandboxError};
