//! What every module needs of the operating system: files that appear whole or not at all, hashes, HTTP, questions, the
//! one clock, the cache, progress, deletion that stops at mounts, root without root, and the end of work when the user
//! interrupts it.

pub mod cache;
pub mod confirm;
pub mod epoch;
pub mod hash;
pub mod http;
pub mod interrupt;
pub mod output;
pub mod progress;
pub mod tree;
pub mod userns;
