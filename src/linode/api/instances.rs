//! The account's instances: make one, read one, list them, set the kernel of one, boot it, delete it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http::Method;

use super::client::ApiClient;
use super::interfaces::InstanceNetwork;
use super::list::ListRequest;
use super::make::make;
use super::regions::Region;
use super::request::ApiRequest;
use super::tag::Tag;
use crate::linode::error::LinodeError;

/// The scope for everything that changes instances.
pub const SCOPE: &str = "linodes:read_write";

pub(super) const READ_SCOPE: &str = "linodes:read_only";

/// Linode's GRUB as a kernel: it boots the image's own kernel.
pub const GRUB: &str = "linode/grub2";

/// What Linode is doing with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Its disks are being made.
    Provisioning,
    /// It is being switched on.
    Booting,
    /// It is switched on. What runs on it is not known.
    Running,
    Offline,
    /// It is being switched off and on again.
    Rebooting,
    Deleting,
    /// A status that this program does not know.
    #[serde(other)]
    Other,
}

impl InstanceStatus {
    /// A phrase that follows "it is".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Provisioning => "being made",
            Self::Booting => "booting",
            Self::Running => "running",
            Self::Offline => "off",
            Self::Rebooting => "rebooting",
            Self::Deleting => "being deleted",
            Self::Other => "in a state that this program does not know",
        }
    }
}

/// The fields of an instance that stackdeb uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Instance {
    pub id: u64,
    /// Its name, unique in the account.
    pub label: String,
    pub status: InstanceStatus,
    pub region: String,
    /// Such as `g6-nanode-1`.
    #[serde(rename = "type", default)]
    pub plan: Option<String>,
    /// The image that it was made from: `private/N`.
    #[serde(default)]
    pub image: Option<String>,
    #[serde(default)]
    pub ipv4: Vec<String>,
    /// The address with the length of its prefix.
    #[serde(default)]
    pub ipv6: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was made: ISO 8601, UTC.
    #[serde(default)]
    pub created: Option<String>,
}

impl Instance {
    /// Its public IPv4 address, if it has one. Linode's private addresses begin with `192.168.`.
    pub fn address(&self) -> Option<&str> {
        self.ipv4.iter().map(String::as_str).find(|address| !address.starts_with("192.168."))
    }
}

/// The body of the request that makes an instance.
#[derive(Debug, Clone, Serialize)]
pub struct CreateInstance<'a> {
    pub region: &'a Region,
    #[serde(rename = "type")]
    pub plan: &'a str,
    /// The ID of the image that it is made from.
    pub image: &'a str,
    pub label: &'a str,
    /// Root's SSH keys, at least one. Linode writes them to the disk.
    pub authorized_keys: &'a [&'a str],
    pub metadata: InstanceMetadata<'a>,
    /// Its interfaces, with their firewall.
    #[serde(flatten)]
    pub network: InstanceNetwork,
    pub tags: &'a [Tag],
    /// What boots it; `None` for an API that does not know the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<&'a str>,
    /// Whether it boots as soon as it is made.
    pub booted: bool,
}

/// What the metadata service tells an instance.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceMetadata<'a> {
    /// In base64. A secret: it may contain a password.
    pub user_data: &'a str,
}

/// A configuration profile of an instance: what it boots with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BootConfiguration {
    pub id: u64,
    /// Such as `linode/grub2` or `linode/latest-64bit`.
    pub kernel: String,
}

/// What follows the API's address for the instance `id`.
pub fn path(id: u64) -> String {
    format!("/linode/instances/{id}")
}

/// Makes an instance. The request is repeated only if it cannot have reached the API, or a look shows that the account has
/// no instance of that label and tag.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn create(client: &ApiClient, new: &CreateInstance, tag: &Tag) -> Result<Instance, LinodeError> {
    let action = "create an instance";
    let body =
        serde_json::to_string(new).map_err(|error| LinodeError::Response { action, reason: error.to_string() })?;
    let secret = Some(new.metadata.user_data);
    let request = ApiRequest::new(Method::POST, "/linode/instances", action, SCOPE);
    let request = ApiRequest { body: Some(body), secret, ..request };
    let labelled = |all: Vec<Instance>| all.into_iter().find(|instance| instance.label == new.label);
    make(client, || client.send(&request)?.parse(), || Ok(labelled(list_tagged(client, tag)?)))
}

/// The instance `id`, or `None` when it does not exist.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn get(client: &ApiClient, id: u64) -> Result<Option<Instance>, LinodeError> {
    match client.send(&ApiRequest::new(Method::GET, &path(id), "look at the instance", READ_SCOPE)) {
        Ok(response) => response.parse().map(Some),
        Err(LinodeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All instances of the account. To be called before one is made.
///
/// # Errors
/// When the API refuses or cannot be reached, or says that the token may read instances but not make one.
pub fn list_all(client: &ApiClient) -> Result<Vec<Instance>, LinodeError> {
    let (path, action) = ("/linode/instances", "list the instances");
    let next = Some(("create an instance", SCOPE));
    ListRequest { path, filter: None, action, scope: READ_SCOPE, next }.fetch(client)
}

/// The instances with that tag.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn list_tagged(client: &ApiClient, tag: &Tag) -> Result<Vec<Instance>, LinodeError> {
    let filter = json!({ "tags": tag }).to_string();
    let (path, action) = ("/linode/instances", "list the instances");
    let found: Vec<Instance> =
        ListRequest { path, filter: Some(&filter), action, scope: READ_SCOPE, next: None }.fetch(client)?;
    // The result may be deleted, so it must be right even if the API ignores the filter.
    Ok(found.into_iter().filter(|instance| tag.is_in(&instance.tags)).collect())
}

/// Deletes an instance with its disks, also after an interrupt. It may be gone already.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn delete(client: &ApiClient, id: u64) -> Result<(), LinodeError> {
    match client.send_to_end(&ApiRequest::new(Method::DELETE, &path(id), "delete the instance", SCOPE)) {
        Ok(_) | Err(LinodeError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The IDs of an instance's Linode interfaces. One with legacy interfaces has none.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn interfaces(client: &ApiClient, id: u64) -> Result<Vec<u64>, LinodeError> {
    #[derive(Deserialize)]
    struct Interface {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Interfaces {
        #[serde(default)]
        interfaces: Vec<Interface>,
    }
    let path = format!("{}/interfaces", path(id));
    match client.send(&ApiRequest::new(Method::GET, &path, "list the instance's interfaces", READ_SCOPE)) {
        Ok(response) => Ok(response.parse::<Interfaces>()?.interfaces.into_iter().map(|one| one.id).collect()),
        // The API refuses this for an instance with legacy interfaces.
        Err(LinodeError::NotFound { .. } | LinodeError::Refused { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What an instance boots with, or `None` until its disks are made.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn boot_configuration(client: &ApiClient, id: u64) -> Result<Option<BootConfiguration>, LinodeError> {
    let path = format!("{}/configs", path(id));
    let action = "look at what the instance boots";
    let list = ListRequest { path: &path, filter: None, action, scope: READ_SCOPE, next: None };
    Ok(list.fetch(client)?.into_iter().next())
}

/// Sets the kernel of an instance. It takes effect at the next boot.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn set_kernel(
    client: &ApiClient,
    id: u64,
    configuration: &BootConfiguration,
    kernel: &str,
) -> Result<(), LinodeError> {
    let path = format!("{}/configs/{}", path(id), configuration.id);
    let request = ApiRequest::new(Method::PUT, &path, "set the instance's kernel", SCOPE);
    client.send(&ApiRequest { body: Some(json!({ "kernel": kernel }).to_string()), ..request }).map(drop)
}

/// Replaces all tags of an instance.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn set_tags(client: &ApiClient, id: u64, tags: &[String]) -> Result<(), LinodeError> {
    let path = path(id);
    let request = ApiRequest::new(Method::PUT, &path, "set the instance's tags", SCOPE);
    client.send(&ApiRequest { body: Some(json!({ "tags": tags }).to_string()), ..request }).map(drop)
}

/// # Errors
/// When the API refuses or cannot be reached.
pub fn boot(client: &ApiClient, id: u64) -> Result<(), LinodeError> {
    let (path, on) = (format!("{}/boot", path(id)), |status: InstanceStatus| status != InstanceStatus::Offline);
    command(client, &path, "boot the instance", || is_in(client, id, on))
}

/// Switches an instance off and on.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub fn reboot(client: &ApiClient, id: u64) -> Result<(), LinodeError> {
    let (path, rebooting) =
        (format!("{}/reboot", path(id)), |status: InstanceStatus| status != InstanceStatus::Running);
    command(client, &path, "reboot the instance", || is_in(client, id, rebooting))
}

/// Sends a command, again only if a look shows that the instance does not obey it.
fn command(
    client: &ApiClient,
    path: &str,
    action: &'static str,
    look: impl Fn() -> Result<Option<()>, LinodeError>,
) -> Result<(), LinodeError> {
    let request = ApiRequest::new(Method::POST, path, action, SCOPE);
    let request = ApiRequest { body: Some("{}".to_owned()), ..request };
    make(client, || client.send(&request).map(drop), look)
}

/// `Some` when the instance is in one of those states.
fn is_in(client: &ApiClient, id: u64, wanted: impl Fn(InstanceStatus) -> bool) -> Result<Option<()>, LinodeError> {
    Ok(get(client, id)?.filter(|instance| wanted(instance.status)).map(drop))
}
