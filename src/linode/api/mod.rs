//! Requests to Linode's API. A token and the API's address → typed objects. There is one file for each kind of object
//! that is used: `images`, `instances`, `firewalls`, `regions`, `plans` and `events`. `client` sends a request and
//! repeats it where that is safe, as `retry` says; `list` joins the pages of a list.

pub mod client;
pub mod clock;
pub mod events;
pub mod firewalls;
pub mod images;
pub mod instances;
mod list;
mod nearest;
pub mod plans;
pub mod reason;
pub mod regions;
mod request;
pub mod retry;
pub mod tag;
pub mod token;
