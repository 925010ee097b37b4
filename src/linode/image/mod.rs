//! From an image file on this machine to an image in the account. `check` reads the whole file and refuses what Linode
//! would accept and then lose; `upload` makes the image, sends the file (`transfer`) and waits until the image is
//! available (`wait`). `description` is how an image is recognized later; `label` is its name.

pub mod check;
pub mod description;
pub mod label;
mod reader;
mod transfer;
pub mod upload;
mod wait;
