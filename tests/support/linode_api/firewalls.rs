//! Firewalls, and the instances that are behind them.

use serde_json::{Value, json};

use super::http::{Answer, answer_json, error, page};
use super::instance_checks::{check_label, check_tags};
use super::{Call, State, account};

pub struct Firewall {
    pub id: u32,
    made: Value,
    status: &'static str,
    pub linodes: Vec<u32>,
}

impl Firewall {
    pub fn change(&mut self, status: &'static str, inbound: Value) {
        self.status = status;
        self.made["rules"]["inbound"] = inbound;
    }

    pub fn is_enabled(&self) -> bool {
        self.status == "enabled"
    }

    /// With all the fields that the specification gives it.
    pub fn show(&self) -> Value {
        let entity = |id: &u32| {
            json!({"id": id, "type": "linode", "label": null, "url": format!("/v4/linode/instances/{id}"),
            "parent_entity": null})
        };
        let mut rules = self.made["rules"].clone();
        (rules["version"], rules["fingerprint"]) = (json!(1), json!("997dd135"));
        json!({"id": self.id, "label": self.made["label"], "status": self.status, "rules": rules,
            "tags": self.made["tags"].as_array().cloned().unwrap_or_default(),
            "entities": self.linodes.iter().map(entity).collect::<Vec<_>>(),
            "created": "2026-11-23T04:00:00", "updated": "2026-11-23T04:00:00"})
    }
}

/// What the API answers about firewalls.
pub fn route(call: &Call, state: &mut State) -> Option<Answer> {
    let rest = call.path.strip_prefix("/networking/firewalls")?;
    let scope = if call.method == "GET" { "firewall:read_only" } else { "firewall:read_write" };
    if let Some(refusal) = state.refuse_scope(scope) {
        return Some(refusal);
    }
    let id = rest.trim_start_matches('/').parse::<u32>().ok();
    let place = id.and_then(|id| state.firewalls.iter().position(|firewall| firewall.id == id));
    Some(match (call.method, rest, place) {
        ("GET", "", _) => {
            let filter = call.filter();
            let all = state.firewalls.iter().map(Firewall::show);
            let tagged = |shown: &Value| {
                filter["tags"].as_str().is_none_or(|tag| shown["tags"].as_array().unwrap().contains(&json!(tag)))
            };
            page(&all.filter(tagged).collect::<Vec<_>>(), call.query, state.longest_page)
        }
        ("POST", "", _) => create(call, state),
        ("GET", _, Some(place)) => answer_json(200, &state.firewalls[place].show()),
        ("DELETE", _, Some(place)) => {
            state.firewalls.remove(place);
            answer_json(200, &json!({}))
        }
        _ => error(404, "Not found", None),
    })
}

fn create(call: &Call, state: &mut State) -> Answer {
    let made = match call.body(&["label", "rules", "tags", "devices"]) {
        Ok(made) => made,
        Err(refusal) => return refusal,
    };
    if let Some(refusal) = account::refuse_user(&made, "add_firewalls", state) {
        return refusal;
    }
    if let Err((reason, field)) = check(&made, state) {
        return error(400, reason, Some(field));
    }
    let firewall = Firewall { id: state.next_number(), made, status: "enabled", linodes: Vec::new() };
    let shown = firewall.show();
    state.firewalls.push(firewall);
    answer_json(200, &shown)
}

fn check(made: &Value, state: &State) -> Result<(), (&'static str, &'static str)> {
    let label = made["label"].as_str().ok_or(("label is required", "label"))?;
    check_label(label, 32)?;
    check_tags(made)?;
    if state.firewalls.iter().any(|firewall| firewall.made["label"] == label) {
        return Err(("Label must be unique among your Cloud Firewalls", "label"));
    }
    for policy in ["inbound_policy", "outbound_policy"] {
        if !["ACCEPT", "DROP"].contains(&made["rules"][policy].as_str().unwrap_or_default()) {
            return Err(("Must be one of ACCEPT, DROP", "rules"));
        }
    }
    for rule in made["rules"]["inbound"].as_array().ok_or(("inbound is required", "rules"))? {
        let known = ["TCP", "UDP", "ICMP", "IPENCAP"].contains(&rule["protocol"].as_str().unwrap_or_default());
        let addressed = rule["addresses"]["ipv4"].is_array() || rule["addresses"]["ipv6"].is_array();
        let acts = ["ACCEPT", "DROP"].contains(&rule["action"].as_str().unwrap_or_default());
        if !known || !addressed || !acts || !rule["ports"].is_string() {
            return Err(("a rule is not valid", "rules.inbound"));
        }
        check_label(rule["label"].as_str().unwrap_or_default(), 32)?;
    }
    Ok(())
}
