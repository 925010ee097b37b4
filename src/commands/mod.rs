//! One file for each command: its arguments, and how it joins the modules to its left. No logic of its own. `boot` has parts:
//! `boot_report`, `boot_sites`, `boot_watch`. `account`, `loader`, `newest_image` and `variant` are what several commands have in
//! common.

mod account;
pub mod boot;
mod boot_report;
mod boot_sites;
mod boot_watch;
pub mod cache;
pub mod check;
mod check_packages;
pub mod data;
pub mod deb;
pub mod deploy;
pub mod destroy;
pub mod diff;
pub mod image;
pub mod instances;
pub mod loader;
pub mod lock;
pub mod new;
mod newest_image;
pub mod repo;
pub mod schema;
pub mod terraform;
pub mod update;
pub mod upload;
pub mod variant;
