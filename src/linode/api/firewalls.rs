//! The account's firewalls: find the one that protects a stack's instances, or make it.

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::client::Client;
use super::list::ListRequest;
use super::request::ApiRequest;
use super::tag::Tag;
use crate::linode::error::Error;

/// The scope for making a firewall.
pub const SCOPE: &str = "firewall:read_write";

const READ_SCOPE: &str = "firewall:read_only";

/// The longest label, in characters.
const LONGEST_LABEL: usize = 32;
/// What the label of a stack's firewall ends with.
const LABEL_END: &str = "-firewall";

/// A firewall, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    pub id: u64,
    /// Its name, unique in the account.
    pub label: String,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// The firewall with that tag, if there is one.
///
/// # Errors
/// When the API refuses or cannot be reached, or says that the token may read firewalls but not make one.
pub fn find(client: &Client, tag: &Tag) -> Result<Option<Firewall>, Error> {
    let (path, action) = ("/networking/firewalls", "list the firewalls");
    let next = Some(("create a firewall", SCOPE));
    let all: Vec<Firewall> = ListRequest { path, filter: None, action, scope: READ_SCOPE, next }.fetch(client)?;
    Ok(all.into_iter().find(|firewall| tag.is_in(&firewall.tags)))
}

/// Makes a firewall that accepts TCP connections to these ports from everywhere, drops everything else that comes in, and
/// lets everything out.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn create(client: &Client, label: &str, tag: &Tag, ports: &[u16]) -> Result<Firewall, Error> {
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
    client.send(&ApiRequest { body: Some(body.to_string()), ..request })?.parse()
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

/// The label of the firewall of the stack with that name.
pub fn label(stack: &str) -> String {
    let begin: String = stack.chars().take(LONGEST_LABEL.saturating_sub(LABEL_END.len())).collect();
    format!("{}{LABEL_END}", begin.trim_end_matches('-'))
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
