//! One file for each command: its arguments, and how it joins the modules to its left. No logic of its own.

pub mod boot;
pub mod check;
pub mod new;
