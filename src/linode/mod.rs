//! Linode, through version 4 of its API (<https://techdocs.akamai.com/linode-api/reference/api>). An image file on this
//! machine and a [`Stack`](crate::stack::Stack) → an image in the account, and running instances of it.
//!
//! - `api`: the client, and one file for each kind of object that is used. It knows nothing of files on this machine.
//! - `image`: checks an image file, uploads it, and waits until Linode has made an image of it.
//! - `instance`: makes instances of an image, waits until their sites answer, lists and removes them.
//! - `terraform`: writes a Terraform configuration for several machines. It sends nothing.
//! - `error`: the one error of all of them; by its `class` the program has its exit status. Its sentences use `reason`, the
//!   API's own words, and `image_status`.

pub mod api;
mod class;
pub mod error;
pub mod image;
pub mod image_status;
pub mod instance;
pub mod reason;
pub mod terraform;

pub use class::Class;
pub use error::LinodeError;
