//! The account's settings and its user's grants, as far as they decide how an instance is made.

use serde::Deserialize;
use ureq::http::Method;

use super::client::ApiClient;
use super::request::ApiRequest;
use crate::linode::error::LinodeError;

/// The scope for reading the settings.
pub const SCOPE: &str = "account:read_only";

/// Which interfaces new instances of the account may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceSetting {
    LegacyConfigOnly,
    LegacyConfigDefaultButLinodeAllowed,
    /// That of accounts opened lately.
    LinodeDefaultButLegacyConfigAllowed,
    LinodeOnly,
    /// A setting that this program does not know.
    #[serde(other)]
    Other,
}

/// What a restricted user may do in the whole account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Grants {
    /// `read_write` includes the right to set tags.
    #[serde(default)]
    account_access: Option<String>,
    #[serde(default)]
    add_linodes: bool,
    #[serde(default)]
    add_firewalls: bool,
}

#[derive(Debug, Deserialize)]
struct UserGrants {
    #[serde(default)]
    global: Grants,
}

#[derive(Debug, Deserialize)]
struct AccountSettings {
    #[serde(default)]
    interfaces_for_new_linodes: Option<InterfaceSetting>,
}

/// The account's setting; `None` when the API does not tell it, or the token may not read it.
///
/// # Errors
/// When the API cannot be reached, or refuses for another reason.
pub fn interface_setting(client: &ApiClient) -> Result<Option<InterfaceSetting>, LinodeError> {
    let request = ApiRequest::new(Method::GET, "/account/settings", "read the account's settings", SCOPE);
    match client.send(&request) {
        Ok(response) => Ok(response.parse::<AccountSettings>()?.interfaces_for_new_linodes),
        Err(LinodeError::Unauthorized { .. } | LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The grants of the token's user; `None` when that is an unrestricted one, who may do everything, or the
/// token may not read them.
///
/// # Errors
/// When the API cannot be reached, or refuses for another reason.
pub fn grants(client: &ApiClient) -> Result<Option<Grants>, LinodeError> {
    match client.send(&ApiRequest::new(Method::GET, "/profile/grants", "read the user's grants", SCOPE)) {
        // Status 204.
        Ok(response) if response.body.trim().is_empty() => Ok(None),
        Ok(response) => Ok(Some(response.parse::<UserGrants>()?.global)),
        Err(LinodeError::Unauthorized { .. } | LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Grants {
    /// The grants that are missing for making tagged instances, and a tagged firewall if there is to be one.
    pub fn missing(&self, with_firewall: bool) -> Vec<&'static str> {
        let tags = self.account_access.as_deref() == Some("read_write");
        let needed = [
            (self.add_linodes, "add_linodes"),
            (self.add_firewalls || !with_firewall, "add_firewalls"),
            (tags, "account_access: read_write (to set tags)"),
        ];
        needed.into_iter().filter(|(given, _)| !given).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_grants_are_named() {
        // From the API's documentation of `GET /profile/grants`.
        let text = r#"{"global": {"account_access": "read_only", "add_databases": true, "add_domains": true,
            "add_firewalls": false, "add_images": true, "add_linodes": true, "cancel_account": false}, "linode": []}"#;
        let grants = serde_json::from_str::<UserGrants>(text).unwrap().global;
        assert_eq!(grants.missing(true), ["add_firewalls", "account_access: read_write (to set tags)"]);
        assert_eq!(grants.missing(false), ["account_access: read_write (to set tags)"]);
        let full = Grants { account_access: Some("read_write".to_owned()), add_linodes: true, add_firewalls: true };
        assert!(full.missing(true).is_empty());
    }
}
