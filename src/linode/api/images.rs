//! The account's images: make one, look at it, list them, delete one.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::client::{Call, Client};
use super::list::List;
use crate::linode::error::ApiError;
use crate::system::hash::Sha256;

/// The scope of everything that changes images.
pub const SCOPE: &str = "images:read_write";

const READ_SCOPE: &str = "images:read_only";

/// How far an image has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its file is awaited.
    PendingUpload,
    /// Linode is at work on its file.
    Creating,
    /// Instances can be made from it.
    Available,
    /// One that this program does not know.
    #[serde(other)]
    Other,
}

/// An image, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// `private/N`.
    pub id: String,
    /// Its name in the account; not unique.
    pub label: String,
    /// How far it has come.
    pub status: Status,
    /// On the disk, in MB; 0 or nothing until it is known.
    #[serde(default)]
    pub size: Option<u64>,
    /// Whatever its maker wrote.
    #[serde(default)]
    pub description: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was made, ISO 8601, UTC.
    #[serde(default)]
    pub created: Option<String>,
}

impl Image {
    /// Whether it was made from the file with that digest.
    pub fn is_of(&self, sha256: Sha256) -> bool {
        self.description.as_deref().is_some_and(|text| text.contains(&mark(sha256)))
    }

    /// Where it is, behind the API's address.
    pub fn path(&self) -> String {
        path(&self.id)
    }
}

/// What an image is to be.
#[derive(Debug, Clone, Serialize)]
pub struct NewImage<'a> {
    /// Its name: see [`super::check`].
    pub label: &'a str,
    /// Where the file is sent.
    pub region: &'a str,
    /// For people, and with [`description`] for this program.
    pub description: &'a str,
    /// Its cloud-init reads Linode's metadata.
    pub cloud_init: bool,
    /// Its tags.
    pub tags: &'a [String],
}

/// A new image, and the address that takes its file.
#[derive(Debug, Deserialize)]
pub struct PendingImage {
    /// The image.
    pub image: Image,
    /// Takes one PUT within 24 hours. A secret: whoever has it can send the file.
    pub upload_to: String,
}

/// The description by which an image is found again.
pub fn description(file_name: &str, sha256: Sha256) -> String {
    format!("{file_name}, uploaded by stackdeb. {}", mark(sha256))
}

fn mark(sha256: Sha256) -> String {
    format!("sha256:{sha256}")
}

fn path(id: &str) -> String {
    format!("/images/{id}")
}

/// Makes an image that waits for its file.
///
/// # Errors
/// When the API refuses it or cannot be asked. It is not asked twice, unless it cannot have heard the first time.
pub fn create(client: &Client, new: &NewImage) -> Result<PendingImage, ApiError> {
    let what = "create an image";
    let body = serde_json::to_string(new).map_err(|error| ApiError::Answer { what, reason: error.to_string() })?;
    let call = Call { body: Some(body), ..Call::new(Method::POST, "/images/upload", what, SCOPE) };
    client.send(&call)?.parse()
}

/// The image, or nothing when there is none of that name any more.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn get(client: &Client, id: &str) -> Result<Option<Image>, ApiError> {
    let path = path(id);
    match client.send(&Call::new(Method::GET, &path, "look at the image", READ_SCOPE)) {
        Ok(answer) => answer.parse().map(Some),
        Err(ApiError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The account's own images.
///
/// # Errors
/// When the API refuses or cannot be asked, or tells that the token may look at images but not make one.
pub fn list_own(client: &Client) -> Result<Vec<Image>, ApiError> {
    let then = Some(("create an image", SCOPE));
    let filter = Some(r#"{"is_public": false}"#);
    List { path: "/images", filter, what: "list the images", scope: READ_SCOPE, then }.fetch(client)
}

/// Deletes an image, in one attempt that an interrupt does not prevent. One that is gone already is no error.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn delete(client: &Client, id: &str) -> Result<(), ApiError> {
    let path = path(id);
    match client.send_once(&Call::new(Method::DELETE, &path, "delete the image", SCOPE)) {
        Ok(_) | Err(ApiError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_file() {
        // The example of the API's documentation, with another description.
        let text = |description: &str| {
            format!(
                r#"{{"capabilities": [], "created": "2021-08-14T22:44:02", "created_by": "my-account",
                "deprecated": false,
                "description": {description}, "eol": null, "expiry": null, "id": "private/7", "is_public": false,
                "label": "My gold-master image", "size": 2500, "status": "pending_upload", "type": "manual",
                "updated": "2021-08-14T22:44:02", "vendor": null}}"#
            )
        };
        let sha256 = Sha256::of(b"abc");
        let image: Image = serde_json::from_str(&text(&format!("{:?}", description("a.img.gz", sha256)))).unwrap();
        assert!(image.is_of(sha256) && !image.is_of(Sha256::of(b"")));
        assert_eq!((image.status, image.path()), (Status::PendingUpload, "/images/private/7".to_owned()));
        assert!(!serde_json::from_str::<Image>(&text("null")).unwrap().is_of(sha256));
        assert_eq!(serde_json::from_str::<Status>("\"something_new\"").unwrap(), Status::Other);
    }
}
