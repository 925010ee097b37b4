//! What the API has against a request for an instance: what the specification says about labels, tags,
//! keys, user data and interfaces.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{State, catalogue, images};

/// The most user data, in bytes before it is encoded.
const LONGEST_USER_DATA: usize = 65_535;

/// The generation of an instance's interfaces and the firewall that the request names, or what the API has against it.
pub fn network(made: &Value, state: &State) -> Result<(&'static str, Option<u64>), (&'static str, &'static str)> {
    let wanted = &made["interface_generation"];
    let generation = state.account.interfaces.generation(wanted).map_err(|reason| (reason, "interface_generation"))?;
    if generation == "legacy_config" {
        if made["interfaces"].as_array().is_some_and(|all| all.iter().any(|one| one["purpose"].is_null())) {
            return Err(("purpose is required", "interfaces"));
        }
        return Ok((generation, made["firewall_id"].as_u64()));
    }
    if !made["firewall_id"].is_null() {
        return Err((
            "Linode is using Linode Interfaces. Please apply Cloud Firewall to the interfaces.",
            "firewall_id",
        ));
    }
    let interfaces = made["interfaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let public = interfaces.iter().find(|interface| interface["public"].is_object());
    let Some(public) = public else {
        return Err(("A Linode cannot boot without an interface", "interfaces"));
    };
    for known in public.as_object().unwrap().keys() {
        if !["firewall_id", "default_route", "public", "vlan", "vpc"].contains(&known.as_str()) {
            return Err(("is not a field of an interface", "interfaces"));
        }
    }
    let routed = public["default_route"] == json!({"ipv4": true, "ipv6": true});
    if !routed {
        return Err(("The interface must be the default route", "interfaces.default_route"));
    }
    Ok((generation, public["firewall_id"].as_u64()))
}

/// The user data, or what the API has against the request.
pub fn check(made: &Value, state: &State) -> Result<Vec<u8>, (&'static str, &'static str)> {
    let regions = catalogue::regions();
    let region =
        regions.iter().find(|region| region["id"] == made["region"]).ok_or(("region is not valid", "region"))?;
    if !catalogue::types().iter().any(|plan| plan["id"] == made["type"]) {
        return Err(("A valid plan type by that ID was not found", "type"));
    }
    let image = state.images.iter().find(|image| made["image"] == format!("private/{}", image.number));
    if image.is_none_or(|image| images::show(image)["status"] != "available") {
        return Err(("image is not valid", "image"));
    }
    if let Some(label) = made["label"].as_str() {
        check_label(label, 64)?;
        if state.instances.iter().any(|linode| linode.made["label"] == label) {
            return Err(("Label must be unique among your linodes", "label"));
        }
    }
    check_tags(made)?;
    let keys = made["authorized_keys"].as_array().is_some_and(|keys| !keys.is_empty());
    if !keys && !made["root_pass"].is_string() {
        return Err(("root_pass or authorized_keys is required", "root_pass"));
    }
    let Some(encoded) = made["metadata"]["user_data"].as_str() else { return Ok(Vec::new()) };
    if !region["capabilities"].as_array().unwrap().contains(&json!("Metadata")) {
        return Err(("The Metadata service is not available in this region", "metadata.user_data"));
    }
    let data = BASE64_STANDARD.decode(encoded).map_err(|_| ("Must be base64", "metadata.user_data"))?;
    if data.len() > LONGEST_USER_DATA {
        return Err(("user_data must not exceed 65535 bytes", "metadata.user_data"));
    }
    Ok(data)
}

/// 3 to 50 characters each, as the API says when it refuses one.
pub fn check_tags(made: &Value) -> Result<(), (&'static str, &'static str)> {
    let tags = made["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let good = |tag: &Value| tag.as_str().is_some_and(|tag| (3..=50).contains(&tag.chars().count()));
    if tags.iter().all(good) { Ok(()) } else { Err(("Length must be 3-50 characters", "tags")) }
}

/// `^[a-zA-Z]((?!--|__|\.\.)[a-zA-Z0-9-_.])+$`, 3 characters or more.
pub fn check_label(label: &str, longest: usize) -> Result<(), (&'static str, &'static str)> {
    let characters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let doubled = ["--", "__", ".."].iter().any(|twice| label.contains(twice));
    let begins = label.starts_with(|first: char| first.is_ascii_alphabetic());
    let good = characters && begins && !doubled && (3..=longest).contains(&label.len());
    if good { Ok(()) } else { Err(("Label has characters or a length that labels do not have", "label")) }
}
