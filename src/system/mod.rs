//! What all modules need from the operating system: complete files, hashes, HTTP, questions to the user, times, the
//! cache, printing, progress lines, words and reports for the terminal, safe deletion, user namespaces, and interrupts.

pub mod cache;
pub mod changes;
pub mod confirm;
pub mod epoch;
pub mod hash;
pub mod http;
pub mod interrupt;
pub mod output;
pub mod print;
pub mod program;
pub mod progress;
pub mod report;
pub mod tree;
pub mod userns;
pub mod words;
