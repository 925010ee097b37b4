//! `stackdeb upload`, `deploy` and the others against a Linode in memory, and the Terraform configuration.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod deploy;
mod deploy_account;
mod deploy_bring;
mod deploy_data;
mod deploy_trouble;
mod documents;
mod instances;
mod played_servers;
mod retries;
mod terraform;
mod terraform_folder;
mod terraform_user_data;
mod upload;
mod upload_trouble;
