//! Requests to Linode's API. A token and the API's address → typed objects. There is one file for each kind of object
//! that is used: `images`, `instances` with their `interfaces`, `firewalls`, `regions`, `plans`, `events` and the
//! `account`. `client` sends a request and repeats it where that is safe, as `answer` and `retry` say; `make` repeats what
//! must not be done twice, after a look; `list` joins the pages of a list.

pub mod account;
mod answer;
pub mod client;
pub mod clock;
pub mod events;
pub mod firewalls;
pub mod images;
pub mod instances;
pub mod interfaces;
mod list;
pub(super) mod make;
pub mod plans;
pub mod regions;
mod request;
pub mod retry;
pub mod tag;
pub mod token;
