//! The account's images: make one, read one, list them, delete one.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::client::ApiClient;
use super::list::ListRequest;
use super::regions::Region;
use super::request::ApiRequest;
use super::tag::Tag;
use crate::linode::error::LinodeError;
use crate::linode::image_status::ImageStatus;

/// The scope for everything that changes images.
pub const SCOPE: &str = "images:read_write";

const READ_SCOPE: &str = "images:read_only";

/// The fields of an image that stackdeb uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountImage {
    /// `private/N` for an uploaded one.
    pub id: String,
    /// Its name in the account. Several images may have the same one.
    pub label: String,
    pub status: ImageStatus,
    /// Its size on Linode's disks, in MB; 0 or nothing until Linode knows it.
    #[serde(default)]
    pub size: Option<u64>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was made: ISO 8601, UTC.
    #[serde(default)]
    pub created: Option<String>,
}

/// The body of the request that makes an image.
#[derive(Debug, Clone, Serialize)]
pub struct CreateImage<'a> {
    pub label: &'a str,
    /// The region that its file is uploaded to.
    pub region: &'a Region,
    pub description: &'a str,
    /// Whether its cloud-init reads Linode's metadata.
    pub cloud_init: bool,
    pub tags: &'a [Tag],
}

/// A new image, and the address that accepts its file.
#[derive(Debug, Deserialize)]
pub struct PendingImage {
    pub image: AccountImage,
    /// Accepts one PUT within 24 hours. A secret: whoever has it can send the file.
    pub upload_to: String,
}

/// What follows the API's address for the image `id`.
pub fn path(id: &str) -> String {
    format!("/images/{id}")
}

/// Makes an image that waits for its file. The request is repeated only if it cannot have reached the API.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn create(client: &ApiClient, new: &CreateImage) -> Result<PendingImage, LinodeError> {
    let action = "create an image";
    let body =
        serde_json::to_string(new).map_err(|error| LinodeError::Response { action, reason: error.to_string() })?;
    let request = ApiRequest::new(Method::POST, "/images/upload", action, SCOPE);
    client.send(&ApiRequest { body: Some(body), ..request })?.parse()
}

/// The image `id`, or `None` when it does not exist.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn get(client: &ApiClient, id: &str) -> Result<Option<AccountImage>, LinodeError> {
    match client.send(&ApiRequest::new(Method::GET, &path(id), "look at the image", READ_SCOPE)) {
        Ok(response) => response.parse().map(Some),
        Err(LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lists the images that belong to the account, without those of Linode.
///
/// # Errors
/// When the API refuses or cannot be reached, or says that the token may read images but not make one.
pub fn list_own(client: &ApiClient) -> Result<Vec<AccountImage>, LinodeError> {
    let next = Some(("create an image", SCOPE));
    let filter = Some(r#"{"is_public": false}"#);
    ListRequest { path: "/images", filter, action: "list the images", scope: READ_SCOPE, next }.fetch(client)
}

/// Deletes an image, also after an interrupt. It may be gone already.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn delete(client: &ApiClient, id: &str) -> Result<(), LinodeError> {
    match client.send_to_end(&ApiRequest::new(Method::DELETE, &path(id), "delete the image", SCOPE)) {
        Ok(_) | Err(LinodeError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_s_own_example_is_understood() {
        // The example of the API's documentation.
        let text = r#"{"capabilities": [], "created": "2021-08-14T22:44:02", "created_by": "my-account",
            "deprecated": false, "description": "Example image description.", "eol": null, "expiry": null,
            "id": "private/7", "is_public": false, "label": "My gold-master image", "size": 2500,
            "status": "pending_upload", "type": "manual", "updated": "2021-08-14T22:44:02", "vendor": null}"#;
        let image: AccountImage = serde_json::from_str(text).unwrap();
        assert_eq!((image.status, image.size), (ImageStatus::PendingUpload, Some(2500)));
        assert_eq!(path(&image.id), "/images/private/7");
        assert_eq!(serde_json::from_str::<ImageStatus>("\"something_new\"").unwrap(), ImageStatus::Other);
    }
}
