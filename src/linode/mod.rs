//! Linode, by its API version 4 (<https://techdocs.akamai.com/linode-api/reference/api>): from an image file on this
//! machine to an image in the account. `check` refuses what Linode would take and then lose; `client` talks to the
//! API; `images`, `regions` and `events` are the parts of it that are used; `transfer` sends the file; `poll` waits;
//! `upload` is all of it in order.

pub mod check;
pub mod client;
pub mod clock;
mod content;
pub mod error;
pub mod events;
pub mod firewalls;
pub mod images;
pub mod instances;
pub mod label;
mod list;
pub mod plans;
pub mod poll;
pub mod regions;
pub mod token;
pub mod transfer;
pub mod upload;
