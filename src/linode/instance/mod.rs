//! From an image in the account to running instances. `deploy` takes [`options::DeployOptions`] and an
//! [`image_source::ImageSource`]: it checks them against what Linode has (`prepare`), provides the image, makes the
//! instances (`create`, `kernel`, `firewall`), and waits until each is healthy (`wait`, `health`). The options are made of `label`,
//! `keys`, `settings` and `database_url`. `running` lists the instances of a stack and removes them; `holdings` knows which data
//! are on an instance's own disk, and `removal` guards them.

mod age;
mod bring;
pub mod consent;
mod create;
pub mod database_url;
pub mod deploy;
mod firewall;
mod firewall_rules;
pub mod health;
pub mod holdings;
pub mod image_source;
mod kernel;
pub mod keys;
pub mod label;
pub mod network;
pub mod options;
mod prepare;
pub mod removal;
pub mod running;
pub mod settings;
pub mod started;
mod wait;
