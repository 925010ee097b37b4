//! From an image file on this machine to an image in the account. `check` reads the whole file and refuses what Linode
//! would accept and then lose; `upload` makes the image, sends the file (`transfer`) and waits until the image is
//! available (`poll`).

pub mod check;
mod content;
pub mod poll;
pub mod transfer;
pub mod upload;
