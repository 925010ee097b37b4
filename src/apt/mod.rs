//! A client of Debian repositories: names of packages → verified `.deb` files in the cache, and the order
//! in which dpkg installs them.
//!
//! 1. [`Suite::find`] and [`sources::find`] choose the suite and its mirrors.
//! 2. [`Releases::open`] verifies the Release files with the distribution's [`Keyring`], and [`Releases::read`] the indices with
//!    those.
//! 3. [`solve()`] finds the packages that are needed.
//! 4. [`pool::download`] fetches and verifies their files, and [`install_plan`] orders them.

mod archive;
mod contents;
mod fetch;
mod index;
mod keyring;
pub mod library_names;
pub mod lock;
mod mentions;
pub mod names;
mod newest;
mod order;
pub mod pool;
mod record;
mod release;
mod snapshot;
mod solve;
pub mod sources;
mod suite;
mod universe;

pub use archive::{Archive, ArchiveError, ReleaseInfo, Releases};
pub use fetch::{Download, FetchError, MirrorClient, MirrorLimits};
pub use index::IndexError;
pub use keyring::{Keyring, KeyringError, SignatureError, signers};
pub use lock::{LockError, PackageLock};
pub use newest::OlderRelease;
pub use order::{InstallStep, install_plan};
pub use record::{DebOrigin, Field, MultiArch, PackageIndex, Record, RecordError};
pub use release::{Release, ReleaseError, SignedFile};
pub use solve::{SolveError, solve, unasked};
pub use sources::{Sources, SourcesError};
pub use suite::{CloudInit, Distribution, SUITES, Suite, SuiteError, Tried};
pub use universe::{Id, Universe};
