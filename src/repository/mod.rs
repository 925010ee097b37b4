//! A signed repository of packages that apt reads (<https://wiki.debian.org/DebianRepository/Format>): `.deb` files → a folder
//! that any web server serves. At each moment, also when a command is interrupted, the folder holds a whole repository.
//!
//! 1. `candidate` reads and checks the packages that are to be added.
//! 2. `folder` has the paths, and the lock against two commands at once. `state` reads what is published there, and
//!    verifies it.
//! 3. `key` is the key that signs; `source_file` the file for servers that names the address and that key.
//! 4. `publish` writes everything in an order in which a reader never misses a file.

mod add;
mod candidate;
mod error;
mod folder;
mod key;
mod list;
mod publish;
mod refresh;
mod release_file;
mod source_file;
mod state;
mod values;

pub use add::{Added, RepositorySettings, add};
pub use error::RepositoryError;
pub use key::{KeyFile, NewKey};
pub use list::{ListedPackage, ListedRepository, list};
pub use refresh::{Refreshed, refresh};
pub use values::Validity;
