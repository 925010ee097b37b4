//! The account's firewalls: find the one that protects a stack's instances, or make it.

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::account;
use super::client::ApiClient;
use super::instances;
use super::list::ListRequest;
use super::make::make;
use super::request::ApiRequest;
use super::tag::Tag;
use crate::linode::error::LinodeError;

/// The scope for making a firewall.
pub const SCOPE: &str = "firewall:read_write";

const READ_SCOPE: &str = "firewall:read_only";

/// The longest label, in characters.
const LONGEST_LABEL: usize = 32;
/// What the label of a stack's firewall ends with.
const LABEL_END: &str = "-firewall";

/// The fields of a firewall that stackdeb uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    pub id: u64,
    /// Its name, unique in the account.
    pub label: String,
    #[serde(default)]
    pub tags: Vec<String>,
    /// `enabled`, or `disabled` when its rules have no effect.
    #[serde(default = "enabled")]
    pub status: String,
    #[serde(default)]
    pub rules: FirewallRules,
}

/// What a firewall lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct FirewallRules {
    /// In the order in which they are read.
    #[serde(default)]
    pub inbound: Vec<FirewallRule>,
    /// `ACCEPT` or `DROP`, for what no rule fits.
    #[serde(default)]
    pub inbound_policy: String,
    #[serde(default)]
    pub outbound_policy: String,
}

/// A rule for incoming packets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FirewallRule {
    /// `ACCEPT` or `DROP`.
    pub action: String,
    /// `TCP`, `UDP`, `ICMP` or `IPENCAP`.
    pub protocol: String,
    /// Such as `22, 8000-8010`; nothing for all.
    #[serde(default)]
    pub ports: Option<String>,
    #[serde(default)]
    pub addresses: Addresses,
}

/// The networks that a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Addresses {
    #[serde(default)]
    pub ipv4: Option<Vec<String>>,
    #[serde(default)]
    pub ipv6: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct FirewallSettings {
    #[serde(default)]
    default_firewall_ids: DefaultFirewalls,
}

#[derive(Debug, Default, Deserialize)]
struct DefaultFirewalls {
    /// For instances with legacy interfaces.
    #[serde(default)]
    linode: Option<u64>,
    /// For instances with Linode interfaces.
    #[serde(default)]
    public_interface: Option<u64>,
}

fn enabled() -> String {
    "enabled".to_owned()
}

impl Firewall {
    pub fn is_enabled(&self) -> bool {
        self.status == "enabled"
    }
}

/// The firewall with that ID, or `None` when it does not exist.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn get(client: &ApiClient, id: u64) -> Result<Option<Firewall>, LinodeError> {
    let path = format!("/networking/firewalls/{id}");
    match client.send(&ApiRequest::new(Method::GET, &path, "look at the firewall", READ_SCOPE)) {
        Ok(response) => response.parse().map(Some),
        Err(LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The firewall that an instance gets when its request names none: `Some(None)` when it gets none, and `None` when the token
/// may not know, or the API does not tell.
///
/// # Errors
/// When the API cannot be reached, or refuses for another reason.
pub fn default_for_instances(client: &ApiClient) -> Result<Option<Option<u64>>, LinodeError> {
    let (path, action) = ("/networking/firewalls/settings", "read the default firewalls");
    match client.send(&ApiRequest::new(Method::GET, path, action, account::SCOPE)) {
        Ok(response) => {
            let DefaultFirewalls { linode, public_interface } =
                response.parse::<FirewallSettings>()?.default_firewall_ids;
            Ok(Some(linode.or(public_interface)))
        }
        Err(LinodeError::Unauthorized { .. } | LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The firewalls of an instance, those of its interfaces as well.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn of_instance(client: &ApiClient, id: u64) -> Result<Vec<Firewall>, LinodeError> {
    let (action, scope) = ("look at the instance's firewalls", instances::READ_SCOPE);
    let list = |path: &str| ListRequest { path, filter: None, action, scope, next: None }.fetch(client);
    let mut all: Vec<Firewall> = list(&format!("{}/firewalls", instances::path(id)))?;
    for interface in instances::interfaces(client, id)? {
        all.extend(list(&format!("{}/interfaces/{interface}/firewalls", instances::path(id)))?);
    }
    Ok(all)
}

/// The firewall with that tag, if there is one.
///
/// # Errors
/// When the API refuses or cannot be reached, or says that the token may read firewalls but not make one.
pub fn find(client: &ApiClient, tag: &Tag) -> Result<Option<Firewall>, LinodeError> {
    let (path, action) = ("/networking/firewalls", "list the firewalls");
    let next = Some(("create a firewall", SCOPE));
    let all: Vec<Firewall> = ListRequest { path, filter: None, action, scope: READ_SCOPE, next }.fetch(client)?;
    Ok(all.into_iter().find(|firewall| tag.is_in(&firewall.tags)))
}

/// Makes a firewall that accepts TCP connections to these ports from everywhere, drops everything else that comes
/// in, and lets everything out.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn create(client: &ApiClient, label: &str, tag: &Tag, ports: &[u16]) -> Result<Firewall, LinodeError> {
    let body = json!({
        "label": label,
        "tags": [tag],
        "rules": {
            "inbound_policy": "DROP",
            "outbound_policy": "ACCEPT",
            "outbound": [],
            "inbound": ports.iter().map(rule).collect::<Vec<_>>(),
        },
    });
    let request = ApiRequest::new(Method::POST, "/networking/firewalls", "create a firewall", SCOPE);
    let request = ApiRequest { body: Some(body.to_string()), ..request };
    make(client, || client.send(&request)?.parse(), || find(client, tag))
}

fn rule(port: &u16) -> Value {
    json!({
        "label": format!("accept-tcp-{port}"),
        "action": "ACCEPT",
        "protocol": "TCP",
        "ports": port.to_string(),
        "addresses": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]},
    })
}

/// The label of the firewall of the stack with that name, or of a variant of it.
pub fn label(stack: &str, variant: Option<&str>) -> String {
    let end = variant.map_or_else(|| LABEL_END.to_owned(), |variant| format!("-{variant}{LABEL_END}"));
    let begin: String = stack.chars().take(LONGEST_LABEL.saturating_sub(end.len())).collect();
    format!("{}{end}", begin.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_not_too_long() {
        assert_eq!(label("shop", None), "shop-firewall");
        assert_eq!(label("shop", Some("staging")), "shop-staging-firewall");
        assert_eq!(label("a-name-of-23-characters-x", Some("x23456789012")), "a-name-of-x23456789012-firewall");
        assert_eq!(label("a-name-of-23-characters-x", None).len(), 32);
        assert_eq!(label("a-name-of-22-characte-s-x", None), "a-name-of-22-characte-s-firewall");
        assert_eq!(label("a-name-of-22-character--x", None), "a-name-of-22-character-firewall");
    }
}
