//! From an image in the account to running instances. `prepare` checks what the user wants (`label`, `keys`, `settings`,
//! `database_url`) against what the account has; `stack_images` finds or uploads the image; `deploy` makes the instances
//! (`start`) and waits until each is healthy (`health`). `running` lists and removes the instances of a stack.

pub mod database_url;
pub mod deploy;
pub mod health;
pub mod keys;
pub mod label;
pub mod prepare;
pub mod running;
pub mod settings;
pub mod stack_images;
mod start;
