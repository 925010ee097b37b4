//! The app's libraries from the Python Package Index: a file of requirements → verified wheels, and the files that they
//! become on the server. There is no virtual environment, and no pip on the server.
//!
//! 1. [`lock`] reads which versions are asked for, and [`PythonTarget`] says which Python they must fit.
//! 2. [`LibraryIndex`] finds the wheel of each, downloads it into the cache, and verifies it.
//! 3. [`gather()`] walks what the wheels themselves need, and refuses a list that lacks something.
//! 4. [`Wheel`] is one unpacked wheel, each file checked; [`Libraries`] is all of them. A library that has none is a [`SourceDistribution`],
//!    of which a [`WheelBuilder`] makes one.

mod choose;
mod debian;
mod depends;
mod error;
mod gather;
mod held;
mod index;
mod libraries;
pub mod lock;
mod metadata;
mod resolve;
pub mod source;
pub mod standard;
mod target;
mod unmet;
mod versions;
mod wheel;

pub use debian::{Debian, DebianLibrary, Offer};
pub use depends::WheelNeeds;
pub use error::PythonError;
pub use gather::gather;
pub use held::Held;
pub use index::{LibraryIndex, address::address, authorities};
pub use libraries::{Libraries, Library, ProvidedLibrary, WheelBuild};
pub use pep508_rs::PackageName as LibraryName;
pub use resolve::{Pip, PipAnswer, PipRequest};
pub use source::{MadeWheel, SourceDistribution, WheelBuilder};
pub use target::{PythonTarget, WheelName};
pub use versions::{Sandboxed, choose_versions};
pub use wheel::{InstalledFile, Roots, Wheel, WheelFile, WheelPlace};
