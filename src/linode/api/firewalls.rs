//! The account's firewalls: the one before a stack's instances, made when it is missing.

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::client::{Call, Client};
use super::list::List;
use crate::linode::error::ApiError;

/// The scope of everything that changes firewalls.
pub const SCOPE: &str = "firewall:read_write";

const READ_SCOPE: &str = "firewall:read_only";

/// The longest label, in characters.
const LONGEST_LABEL: usize = 32;

/// A firewall, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    /// Its number.
    pub id: u64,
    /// Its name, unique in the account.
    pub label: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// The firewall with that tag, if there is one.
///
/// # Errors
/// When the API refuses or cannot be asked, or tells that the token may look at firewalls but not make one.
pub fn find(client: &Client, tag: &str) -> Result<Option<Firewall>, ApiError> {
    let then = Some(("create a firewall", SCOPE));
    let list =
        List { path: "/networking/firewalls", filter: None, what: "list the firewalls", scope: READ_SCOPE, then };
    let all = list.fetch::<Firewall>(client)?;
    Ok(all.into_iter().find(|firewall| firewall.tags.iter().any(|own| own == tag)))
}

/// Makes a firewall that lets TCP in at these ports alone, from everywhere, and everything out.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn create(client: &Client, label: &str, tag: &str, ports: &[u16]) -> Result<Firewall, ApiError> {
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
    let call = Call::new(Method::POST, "/networking/firewalls", "create a firewall", SCOPE);
    client.send(&Call { body: Some(body.to_string()), ..call })?.parse()
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

/// The label of a stack's firewall.
pub fn label(stack: &str) -> String {
    const END: &str = "-firewall";
    let rest: String = stack.chars().take(LONGEST_LABEL - END.len()).collect();
    format!("{}{END}", rest.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_not_too_long() {
        assert_eq!(label("shop"), "shop-firewall");
        assert_eq!(label("a-name-of-23-characters-x").len(), 32);
        assert_eq!(label("a-name-of-22-characte-s-x"), "a-name-of-22-characte-s-firewall");
        assert_eq!(label("a-name-of-22-character--x"), "a-name-of-22-character-firewall");
    }
}
