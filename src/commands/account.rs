//! What the commands that work in an account at Linode share: where the API is, and whether the user has agreed.

use clap::Args;

use crate::linode::LinodeError;
use crate::linode::api::client::ApiClient;
use crate::linode::instance::consent::Consent;
use crate::linode::instance::removal::DataChoice;

/// The option that all commands for Linode have.
#[derive(Debug, Args)]
pub struct ApiArgs {
    #[arg(
        long,
        value_name = "ADDRESS",
        help = "The address of the API [default: $LINODE_API_URL, else https://api.linode.com/v4]"
    )]
    api: Option<String>,
}

impl ApiArgs {
    /// A client with the token of the environment.
    ///
    /// # Errors
    /// When there is no token, or the address cannot be used.
    pub fn client(&self) -> Result<ApiClient, LinodeError> {
        ApiClient::from_environment(self.api.as_deref())
    }
}

/// From whether `--discard-data` was given.
pub fn data_choice(discard: bool) -> DataChoice {
    if discard { DataChoice::Discard } else { DataChoice::Keep }
}

/// From whether `--yes` was given.
pub fn consent(yes: bool) -> Consent {
    if yes { Consent::Given } else { Consent::Ask }
}
