//! `stackdeb upload`, `deploy` and the others against a Linode in memory, and the Terraform configuration.

mod deploy;
mod deploy_trouble;
mod terraform;
mod terraform_folder;
mod terraform_user_data;
mod upload;
mod upload_trouble;
