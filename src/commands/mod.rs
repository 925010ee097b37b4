//! One file for each command: its arguments, the calls of the modules to its left, and what it prints. `boot_report` and
//! `check_packages` are parts of `boot` and `check`. `account` and `variant` are what several commands have
//! in common.

mod account;
pub mod boot;
mod boot_report;
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
pub mod lock;
pub mod new;
pub mod repo;
pub mod schema;
pub mod terraform;
pub mod update;
pub mod upload;
pub mod variant;
