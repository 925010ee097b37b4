//! The account's events. When Linode discards an image, only an event says why.

use serde::Deserialize;
use serde_json::Value;
use ureq::http::Method;

use super::client::ApiClient;
use super::request::ApiRequest;
use crate::linode::error::LinodeError;

/// The scope that a token needs for this list.
pub const SCOPE: &str = "events:read_only";

/// The fields of an event that stackdeb uses.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    entity: Option<Entity>,
}

#[derive(Debug, Deserialize)]
struct Entity {
    /// A number or a text, depending on the kind of entity.
    #[serde(default)]
    id: Value,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EventPage {
    data: Vec<Event>,
}

/// The message of the newest event that says that the upload of the image `id` failed, if there is one.
///
/// # Errors
/// When the API refuses (the token may lack [`SCOPE`]) or cannot be reached.
pub fn why_failed(client: &ApiClient, id: &str) -> Result<Option<String>, LinodeError> {
    let request = ApiRequest {
        filter: Some(r#"{"action": "image_upload", "+order_by": "created", "+order": "desc"}"#),
        ..ApiRequest::new(Method::GET, "/account/events?page_size=100", "read the account's events", SCOPE)
    };
    let page: EventPage = client.send(&request)?.parse()?;
    Ok(reason(page.data, id).map(|text| client.token().redact(&text)))
}

fn reason(events: Vec<Event>, id: &str) -> Option<String> {
    let of_image = |event: &Event| event.entity.as_ref().is_some_and(|entity| entity.is(id));
    let failed = events.into_iter().filter(of_image).find(|event| event.status == "failed")?;
    Some(failed.message.filter(|text| !text.is_empty()).unwrap_or_else(|| "the event gives no reason".to_owned()))
}

impl Entity {
    /// Whether it is the image `id`. Events name the image `private/N` by `N`, by `private/N` or by its URL.
    fn is(&self, id: &str) -> bool {
        let number = id.rsplit('/').next().unwrap_or(id);
        let named = match &self.id {
            Value::Number(own) => own.to_string() == number,
            Value::String(own) => own == id || own == number,
            _ => false,
        };
        named || self.url.as_deref().is_some_and(|url| url.ends_with(&format!("/images/{id}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_of_that_image_is_found() {
        let text = r#"{"data": [
            {"action": "image_upload", "status": "failed", "message": "another", "entity": {"id": 17, "type": "image"}},
            {"action": "image_upload", "status": "started", "message": null, "entity": {"id": 7, "type": "image"}},
            {"action": "image_upload", "status": "failed", "message": "by number",
             "entity": {"id": 7, "type": "image"}},
            {"action": "image_upload", "status": "failed", "message": "by name", "entity": {"id": "private/8"}},
            {"action": "image_upload", "status": "failed", "message": null,
             "entity": {"id": null, "url": "/v4/images/private/9"}},
            {"action": "image_upload", "status": "failed", "message": "no entity", "entity": null}]}"#;
        let why = |id| reason(serde_json::from_str::<EventPage>(text).unwrap().data, id);
        assert_eq!(why("private/7").as_deref(), Some("by number"));
        assert_eq!(why("private/8").as_deref(), Some("by name"));
        assert_eq!(why("private/9").as_deref(), Some("the event gives no reason"));
        assert_eq!(why("private/1"), None);
    }
}
