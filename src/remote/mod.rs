//! Servers that have a stack's package, at any provider: their data are saved to a file, restored from one, and carried
//! from one server to another. Each server is reached through the user's own `ssh`, with the user's keys; a host key that is
//! not known is never accepted.
//!
//! The work is done by two programs of the package, `data` and `maintenance` (the templates `debian/data` and
//! `debian/maintenance`). This module starts them, and judges what they send.
//!
//! - `ssh`: one command on one server.
//! - `archive`: reads a save to its end, and says whether it is whole.
//! - `data`: asks what is there, saves, restores; `save`: which package is saved, and to which file.
//! - `maintenance`: keeps a site in maintenance; `carry`: one server's data to another.
//! - `ssh_key`: new pairs of keys.
//! - `known_hosts`: the host keys of machines that stackdeb has made.

pub mod archive;
pub mod carry;
pub mod data;
pub mod error;
pub mod info;
pub mod known_hosts;
pub mod maintenance;
pub mod restore;
pub mod save;
pub mod ssh;
pub mod ssh_key;

pub use error::RemoteError;
