//! Linode, by its API version 4 (<https://techdocs.akamai.com/linode-api/reference/api>): from an image file on this
//! machine to an image in the account, and from there to running instances. `client` talks to the API; `images`,
//! `instances`, `firewalls`, `regions`, `plans` and `events` are the parts of it that are used.
//!
//! `upload`: `check` refuses what Linode would take and then lose, `transfer` sends the file, `poll` waits. `deploy`:
//! `prepare` checks what is wanted (`label`, `keys`, `settings`, `database_url`) against what there is, `stack_images`
//! finds the image, `start` makes an instance, `health` tells whether it is well. `running` is what a stack runs.
//! `terraform` writes what runs it on several machines; it asks nobody.

pub mod check;
pub mod client;
pub mod clock;
mod content;
pub mod database_url;
pub mod deploy;
pub mod deploy_error;
pub mod error;
pub mod events;
mod file_system;
pub mod firewalls;
pub mod health;
pub mod images;
pub mod instances;
pub mod keys;
pub mod label;
mod list;
pub mod plans;
pub mod poll;
pub mod prepare;
pub mod regions;
pub mod running;
pub mod settings;
pub mod stack_images;
mod start;
pub mod terraform;
pub mod token;
pub mod transfer;
pub mod upload;
