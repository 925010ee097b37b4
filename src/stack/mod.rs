//! What the user wrote: `stack.toml`, read, completed with defaults, and checked whole before anything is built. Text
//! comes in; a [`Stack`], complete and valid, goes out.

mod model;

pub use model::{App, ChangelogEntry, Compression, Database, Health, Image, Package, Site, Stack};
