//! Images, and the object storage that takes their files.

use serde_json::{Value, json};

use super::http::{Answer, answer_json, error, page};
use super::{Call, Fault, Seen, State, account, catalogue};

/// The secret part of the addresses that take files.
pub const SIGNATURE: &str = "X-Amz-Signature=5e0a1c";

pub struct Stored {
    pub number: u32,
    pub made: Value,
    pub file: Option<Vec<u8>>,
    /// How often it was looked at since the file arrived.
    pub looks: u32,
}

/// What S3 answers (its API Reference, Error Responses); the request's own address is in it.
fn storage_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message>\
         <Resource>/upload?{SIGNATURE}</Resource></Error>"
    );
    Answer(status, String::new(), "application/xml", body)
}

/// The object storage looks at the address and the head before it takes the file.
pub fn refuse_put(seen: &Seen, state: &mut State) -> Option<Answer> {
    let header = |name: &str| seen.headers.get(name).map(String::as_str);
    if state.faults.contains(&Fault::PutRefused) {
        return Some(storage_error(403, "AccessDenied", "Request has expired"));
    }
    let signed = seen.path.ends_with(&format!("?{SIGNATURE}"));
    if !signed || header("authorization").is_some() {
        return Some(storage_error(403, "AccessDenied", "Only one auth mechanism allowed"));
    }
    if header("content-length").is_none() || header("transfer-encoding").is_some() {
        return Some(storage_error(411, "MissingContentLength", "You must provide the Content-Length HTTP header."));
    }
    if header("content-type") != Some("application/octet-stream") {
        return Some(storage_error(403, "SignatureDoesNotMatch", "The Content-Type is not the one that was signed."));
    }
    None
}

pub fn put(number: &str, seen: &Seen, state: &mut State) -> Answer {
    let taken_at_once = state.faults.contains(&Fault::PutAnswerLost);
    let found = state.images.iter_mut().find(|image| image.number.to_string() == number);
    match found {
        // The address can be used again until Linode has taken the file.
        Some(image) if image.looks < 2 => {
            image.file = Some(seen.body.clone());
            image.looks = u32::from(taken_at_once);
            Answer(200, String::new(), "text/plain", String::new())
        }
        _ => storage_error(403, "AccessDenied", "The address was used before"),
    }
}

/// What the API answers about images.
pub fn route(call: &Call, state: &mut State) -> Option<Answer> {
    match (call.method, call.path) {
        ("POST", "/images/upload") => Some(create(call, state)),
        ("GET", "/images") => {
            // Linode's public images are in the list unless it is filtered.
            let public = json!({"id": "linode/debian13", "label": "Debian 13", "status": "available", "size": 1500,
                "is_public": true, "description": "", "tags": [], "created": "2025-08-14T22:44:02", "regions": []});
            let own_only = call.filter()["is_public"] == false;
            let shown = (!own_only).then_some(public).into_iter().chain(state.images.iter().map(show));
            Some(page(&shown.collect::<Vec<_>>(), call.query, state.longest_page))
        }
        ("GET", "/account/events") if state.faults.contains(&Fault::EventsForbidden) => {
            Some(error(401, "Your OAuth token is not authorized to use this endpoint.", None))
        }
        ("GET", "/account/events") => Some(page(&state.events, call.query, 500)),
        (method, path) => {
            let number = path.strip_prefix("/images/private/")?.parse().ok()?;
            Some(one(method, number, state))
        }
    }
}

fn create(call: &Call, state: &mut State) -> Answer {
    if let Some(refusal) = state.refuse_scope("images:read_write") {
        return refusal;
    }
    for fault in &state.faults {
        if let Fault::Refuses(reason, field) = fault {
            return error(400, reason, Some(field));
        }
    }
    let made = match call.body(&["label", "region", "description", "cloud_init", "tags"]) {
        Ok(made) => made,
        Err(refusal) => return refusal,
    };
    if let Some(refusal) = account::refuse_user(&made, "add_images", state) {
        return refusal;
    }
    let label = made["label"].as_str().unwrap_or_default();
    if label.is_empty() || label.chars().count() > 50 {
        return error(400, "Length must be 1-50 characters", Some("label"));
    }
    let region = made["region"].as_str().unwrap_or_default();
    if !catalogue::regions().iter().any(|known| known["id"] == region) {
        return error(400, "region is not valid", Some("region"));
    }
    let tags = made["tags"].as_array().cloned().unwrap_or_default();
    if tags.iter().any(|tag| !(3..=100).contains(&tag.as_str().unwrap_or_default().chars().count())) {
        return error(400, "Length must be 3-100 characters", Some("tags"));
    }
    state.made += 1;
    let number = 14 + state.made;
    let image = Stored { number, made, file: None, looks: 0 };
    let answer =
        json!({"image": show(&image), "upload_to": format!("http://{}/upload/{number}?{SIGNATURE}", call.host)});
    state.images.push(image);
    answer_json(200, &answer)
}

fn one(method: &str, number: u32, state: &mut State) -> Answer {
    let place = state.images.iter().position(|image| image.number == number);
    let Some(place) = place else { return error(404, "Not found", None) };
    match method {
        "DELETE" if state.faults.contains(&Fault::DeleteFails) => error(400, "The image is in use", None),
        "DELETE" => {
            state.images.remove(place);
            answer_json(200, &json!({}))
        }
        "GET" => {
            let never_done = state.faults.contains(&Fault::NeverDone);
            let image = &mut state.images[place];
            if image.file.is_some() && !(never_done && image.looks == 2) {
                image.looks += 1;
            }
            let (shown, looks) = (show(image), image.looks);
            let vanishes = state.faults.iter().find_map(|fault| match fault {
                Fault::Vanishes(reason) => Some(*reason),
                _ => None,
            });
            if let Some(reason) = vanishes.filter(|_| looks > 2) {
                state.events.insert(
                    0,
                    json!({"id": 1, "action": "image_upload", "status": "failed", "message": reason,
                    "created": "2026-11-23T04:00:00", "entity": {"id": number, "type": "image", "label": "x",
                    "url": format!("/v4/images/private/{number}")}}),
                );
                state.images.remove(place);
                return error(404, "Not found", None);
            }
            answer_json(200, &shown)
        }
        _ => error(405, "Method Not Allowed", None),
    }
}

/// An image with all the fields that the specification gives it.
pub fn show(image: &Stored) -> Value {
    let status = match (&image.file, image.looks) {
        (None, _) | (Some(_), 0 | 1) => "pending_upload",
        (Some(_), 2) => "creating",
        (Some(_), _) => "available",
    };
    let capabilities = if image.made["cloud_init"] == true { json!(["cloud-init"]) } else { json!([]) };
    let size = if status == "available" { 64 } else { 0 };
    json!({
        "id": format!("private/{}", image.number), "label": image.made["label"], "status": status, "size": size,
        "total_size": size, "description": image.made["description"].as_str().unwrap_or_default(), "vendor": null,
        "tags": image.made["tags"].as_array().cloned().unwrap_or_default(), "capabilities": capabilities,
        "regions": [{"region": image.made["region"], "status": "available"}], "created": "2026-11-23T04:00:00",
        "updated": "2026-11-23T04:00:00", "created_by": "somebody", "deprecated": false, "eol": null, "expiry": null,
        "is_public": false, "is_shared": false, "image_sharing": null, "type": "manual",
    })
}
