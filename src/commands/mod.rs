//! The commands, one file each: plain arguments come in, the modules that do the work are called in turn, and what the
//! user wants to see is printed.

pub mod check;
pub mod new;
