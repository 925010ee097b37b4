//! The account's instances: make one, look at it, list them, give one its kernel, boot it, delete it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http::Method;

use super::client::{Call, Client};
use super::list::List;
use crate::linode::error::ApiError;

/// The scope of everything that changes instances.
pub const SCOPE: &str = "linodes:read_write";

const READ_SCOPE: &str = "linodes:read_only";

/// Linode's GRUB, which boots the image's own kernel.
pub const GRUB: &str = "linode/grub2";

/// How far an instance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its disks are made.
    Provisioning,
    /// It is switched on.
    Booting,
    /// It is on; what runs on it is another matter.
    Running,
    /// It is off.
    Offline,
    /// It is switched off and on.
    Rebooting,
    /// It is on its way out.
    Deleting,
    /// One that this program does not know.
    #[serde(other)]
    Other,
}

/// An instance, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Its number.
    pub id: u64,
    /// Its name, unique in the account.
    pub label: String,
    /// How far it has come.
    pub status: Status,
    /// Where it is.
    pub region: String,
    /// Its plan: `g6-nanode-1`.
    #[serde(rename = "type", default)]
    pub plan: Option<String>,
    /// What it was made of: `private/N`.
    #[serde(default)]
    pub image: Option<String>,
    /// Its addresses, the public one first.
    #[serde(default)]
    pub ipv4: Vec<String>,
    /// Its address with the length of its prefix.
    #[serde(default)]
    pub ipv6: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was made, ISO 8601, UTC.
    #[serde(default)]
    pub created: Option<String>,
}

impl Instance {
    /// The address that the world reaches it at, if it has one.
    pub fn address(&self) -> Option<&str> {
        self.ipv4.iter().map(String::as_str).find(|address| !address.starts_with("192.168."))
    }

    /// Where it is, behind the API's address.
    pub fn path(&self) -> String {
        path(self.id)
    }
}

/// What an instance is to be.
#[derive(Debug, Clone, Serialize)]
pub struct NewInstance<'a> {
    /// Where it is to be.
    pub region: &'a str,
    /// Its plan.
    #[serde(rename = "type")]
    pub plan: &'a str,
    /// What it is made of.
    pub image: &'a str,
    /// Its name: see [`super::label`].
    pub label: &'a str,
    /// Root's SSH keys, which Linode writes to the disk. One at least.
    pub authorized_keys: &'a [&'a str],
    /// What cloud-init finds.
    pub metadata: Metadata<'a>,
    /// The firewall before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall_id: Option<u64>,
    /// Its tags.
    pub tags: &'a [String],
    /// What boots it; nothing for an API that does not know the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<&'a str>,
    /// Whether it boots as soon as it is made.
    pub booted: bool,
}

/// What an instance is told about itself.
#[derive(Debug, Clone, Serialize)]
pub struct Metadata<'a> {
    /// In base64. A secret: it may hold a password.
    pub user_data: &'a str,
}

/// What an instance boots with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Configuration {
    /// Its number.
    pub id: u64,
    /// `linode/grub2`, `linode/latest-64bit`…
    pub kernel: String,
}

fn path(id: u64) -> String {
    format!("/linode/instances/{id}")
}

/// Makes an instance.
///
/// # Errors
/// When the API refuses it or cannot be asked. It is not asked twice, unless it cannot have heard the first time.
pub fn create(client: &Client, new: &NewInstance) -> Result<Instance, ApiError> {
    let what = "create an instance";
    let body = serde_json::to_string(new).map_err(|error| ApiError::Answer { what, reason: error.to_string() })?;
    let secret = Some(new.metadata.user_data);
    let call = Call { body: Some(body), secret, ..Call::new(Method::POST, "/linode/instances", what, SCOPE) };
    client.send(&call)?.parse()
}

/// The instance, or nothing when there is none of that number any more.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn get(client: &Client, id: u64) -> Result<Option<Instance>, ApiError> {
    let path = path(id);
    match client.send(&Call::new(Method::GET, &path, "look at the instance", READ_SCOPE)) {
        Ok(answer) => answer.parse().map(Some),
        Err(ApiError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All of the account's instances, before one is made.
///
/// # Errors
/// When the API refuses or cannot be asked, or tells that the token may look at instances but not make one.
pub fn list_all(client: &Client) -> Result<Vec<Instance>, ApiError> {
    let then = Some(("create an instance", SCOPE));
    List { path: "/linode/instances", filter: None, what: "list the instances", scope: READ_SCOPE, then }.fetch(client)
}

/// The instances with that tag.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn list_tagged(client: &Client, tag: &str) -> Result<Vec<Instance>, ApiError> {
    let filter = json!({ "tags": tag }).to_string();
    let (path, what) = ("/linode/instances", "list the instances");
    let found = List { path, filter: Some(&filter), what, scope: READ_SCOPE, then: None }.fetch::<Instance>(client)?;
    // What is listed may be deleted: no filter of somebody else's decides that alone.
    Ok(found.into_iter().filter(|instance| instance.tags.iter().any(|own| own == tag)).collect())
}

/// Deletes an instance and its disks, in one attempt that an interrupt does not prevent. One that is gone already is no
/// error.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn delete(client: &Client, id: u64) -> Result<(), ApiError> {
    let path = path(id);
    match client.send_once(&Call::new(Method::DELETE, &path, "delete the instance", SCOPE)) {
        Ok(_) | Err(ApiError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What an instance boots with; nothing before its disks are made.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn configuration(client: &Client, id: u64) -> Result<Option<Configuration>, ApiError> {
    let path = format!("{}/configs", path(id));
    let list =
        List { path: &path, filter: None, what: "look at what the instance boots", scope: READ_SCOPE, then: None };
    Ok(list.fetch(client)?.into_iter().next())
}

/// Gives an instance its kernel, for its next boot.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn set_kernel(client: &Client, id: u64, configuration: &Configuration, kernel: &str) -> Result<(), ApiError> {
    let path = format!("{}/configs/{}", path(id), configuration.id);
    let body = Some(json!({ "kernel": kernel }).to_string());
    client.send(&Call { body, ..Call::new(Method::PUT, &path, "set the instance's kernel", SCOPE) }).map(drop)
}

/// Switches an instance on.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn boot(client: &Client, id: u64) -> Result<(), ApiError> {
    let path = format!("{}/boot", path(id));
    client
        .send(&Call { body: Some("{}".into()), ..Call::new(Method::POST, &path, "boot the instance", SCOPE) })
        .map(drop)
}

/// Switches an instance off and on.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn reboot(client: &Client, id: u64) -> Result<(), ApiError> {
    let path = format!("{}/reboot", path(id));
    client
        .send(&Call { body: Some("{}".into()), ..Call::new(Method::POST, &path, "reboot the instance", SCOPE) })
        .map(drop)
}
