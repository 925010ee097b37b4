//! Regions and plans, which need no token.

use serde_json::{Value, json};

use super::Call;
use super::http::{Answer, answer_json, error, page};

/// What the API answers about them.
pub fn route(call: &Call, longest_page: usize) -> Option<Answer> {
    match (call.method, call.path) {
        ("GET", "/regions") => Some(page(&regions(), call.query, longest_page)),
        ("GET", "/linode/types") => Some(page(&types(), call.query, longest_page)),
        ("GET", path) => {
            let id = path.strip_prefix("/linode/types/")?;
            let found = types().into_iter().find(|plan| plan["id"] == id);
            Some(found.map_or_else(|| error(404, "Not found", None), |plan| answer_json(200, &plan)))
        }
        _ => None,
    }
}

pub fn regions() -> Vec<Value> {
    let region = |id: &str, site_type: &str, capabilities: &[&str]| {
        let country = &id[..2];
        json!({"id": id, "label": id, "country": country, "site_type": site_type, "status": "ok",
            "capabilities": capabilities})
    };
    vec![
        region("us-east", "core", &["Linodes", "Object Storage", "Metadata", "Cloud Firewall"]),
        region("nl-ams", "core", &["Linodes", "Object Storage", "Metadata", "Cloud Firewall"]),
        region("ca-central", "core", &["Linodes", "Metadata", "Cloud Firewall"]),
        region("in-bare", "core", &["Linodes"]),
        region("us-den-1", "distributed", &["Linodes"]),
    ]
}

/// The plans, with prices that are lower or higher in some region.
pub fn types() -> Vec<Value> {
    let plan = |id: &str, disk: u32, memory: u32, hourly: f64, monthly: f64| {
        json!({"id": id, "label": id, "class": "standard", "disk": disk, "memory": memory, "vcpus": 1, "gpus": 0,
            "transfer": 1000, "network_out": 1000, "successor": null, "addons": {}, "accelerated_devices": 0,
            "price": {"hourly": hourly, "monthly": monthly},
            "region_prices": [{"id": "nl-ams", "hourly": hourly * 2.0, "monthly": monthly * 2.0}]})
    };
    vec![
        plan("g6-nanode-1", 25_600, 1024, 0.0075, 5.0),
        plan("g6-standard-1", 51_200, 2048, 0.018, 12.0),
        plan("g6-tiny", 32, 512, 0.001, 1.0),
    ]
}
