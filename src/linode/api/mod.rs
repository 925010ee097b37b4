//! Requests to Linode's API. A token and the API's address come in; typed objects come out (`images`, `instances`,
//! `firewalls`, `regions`, `plans`, `events`). `client` sends one request and repeats it where that is safe; `list` joins
//! the pages of a list.

pub mod client;
pub mod clock;
pub mod events;
pub mod firewalls;
pub mod images;
pub mod instances;
mod list;
pub mod plans;
pub mod regions;
pub mod token;
