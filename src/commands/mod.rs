//! One file for each command: its arguments, and how it joins the modules to its left. No logic of its own. `archive` and
//! `loader` are what several commands have in common.

mod archive;
pub mod boot;
pub mod check;
pub mod deb;
pub mod image;
pub mod loader;
pub mod new;
