//! The account and the token's user: which interfaces new instances get, which firewall, and what the user may do.

use serde_json::{Value, json};

use super::http::{Answer, answer_json, error};
use super::{Call, State};

/// The setting `interfaces_for_new_linodes` of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interfaces {
    LegacyConfigOnly,
    LegacyConfigDefaultButLinodeAllowed,
    /// That of accounts opened lately.
    #[default]
    LinodeDefaultButLegacyConfigAllowed,
    LinodeOnly,
}

impl Interfaces {
    fn name(self) -> &'static str {
        match self {
            Self::LegacyConfigOnly => "legacy_config_only",
            Self::LegacyConfigDefaultButLinodeAllowed => "legacy_config_default_but_linode_allowed",
            Self::LinodeDefaultButLegacyConfigAllowed => "linode_default_but_legacy_config_allowed",
            Self::LinodeOnly => "linode_only",
        }
    }

    /// The generation of an instance for which the request asks for this one, or why it cannot be made.
    pub(super) fn generation(self, wanted: &Value) -> Result<&'static str, &'static str> {
        let legacy_is_default = matches!(self, Self::LegacyConfigOnly | Self::LegacyConfigDefaultButLinodeAllowed);
        match wanted.as_str() {
            None if legacy_is_default => Ok("legacy_config"),
            None => Ok("linode"),
            Some("legacy_config") if self != Self::LinodeOnly => Ok("legacy_config"),
            Some("linode") if self != Self::LegacyConfigOnly => Ok("linode"),
            Some("legacy_config") => Err("Legacy config interfaces are not allowed on this account."),
            Some("linode") => Err("Linode interfaces are not allowed on this account."),
            Some(_) => Err("Must be one of legacy_config, linode"),
        }
    }
}

/// How an account is set up.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub interfaces: Interfaces,
    /// The firewall that an instance gets when its request names none.
    pub default_firewall: Option<u64>,
    /// The grants of a restricted user; an unrestricted one has none, and may do everything.
    pub grants: Option<Value>,
}

impl Account {
    /// Whether the token's user may set tags: unrestricted users, and those with full access to the account.
    pub fn sets_tags(&self) -> bool {
        self.grants.as_ref().is_none_or(|grants| grants["account_access"] == "read_write")
    }

    /// Whether the token's user may make such things: `add_linodes`.
    pub fn may(&self, grant: &str) -> bool {
        self.grants.as_ref().is_none_or(|grants| grants[grant] == true)
    }
}

/// A token that may not make such things, or sets tags without the right to, is refused.
pub fn refuse_user(made: &Value, grant: &str, state: &State) -> Option<Answer> {
    let tagged = made["tags"].as_array().is_some_and(|tags| !tags.is_empty());
    let refused = !state.account.may(grant) || (tagged && !state.account.sets_tags());
    refused.then(|| error(403, "Unauthorized", None))
}

/// What the API answers about them.
pub fn route(call: &Call, state: &mut State) -> Option<Answer> {
    let scope = match call.path {
        "/account/settings" | "/networking/firewalls/settings" | "/profile/grants" => "account:read_only",
        _ => return None,
    };
    if call.method != "GET" {
        return Some(error(405, "Method Not Allowed", None));
    }
    if let Some(refusal) = state.refuse_scope(scope) {
        return Some(refusal);
    }
    let account = &state.account;
    Some(match call.path {
        "/account/settings" if account.grants.is_some() && account.grants.as_ref()?["account_access"].is_null() => {
            error(403, "Unauthorized", None)
        }
        "/account/settings" => answer_json(
            200,
            &json!({"managed": false, "longview_subscription": null, "network_helper": true, "backups_enabled": false,
                "object_storage": "active", "interfaces_for_new_linodes": account.interfaces.name(),
                "maintenance_policy": "linode/migrate"}),
        ),
        "/networking/firewalls/settings" => {
            let id = account.default_firewall;
            answer_json(
                200,
                &json!({"default_firewall_ids": {"linode": id, "nodebalancer": null, "public_interface": id,
                    "vpc_interface": null}}),
            )
        }
        _ => match &account.grants {
            Some(global) => answer_json(200, &json!({"global": global, "linode": [], "image": [], "firewall": []})),
            None => Answer(204, String::new(), "application/json", String::new()),
        },
    })
}
