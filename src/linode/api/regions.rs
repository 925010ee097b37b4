//! Linode's regions: which there are, and what each of them offers.

use std::cell::OnceCell;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::ApiClient;
use super::list::ListRequest;
use crate::linode::error::LinodeError;
use crate::stack::nearest;

/// The name of a region, such as `us-east`. It has the right form; whether Linode has such a region is another question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Region(String);

impl Region {
    /// # Errors
    /// When the text has another form than a region's name.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        let is_of_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_of_region) {
            return Ok(Self(text.to_owned()));
        }
        Err(LinodeError::argument(
            format!("`{text}` is not a valid region"),
            "a region has lower-case letters, digits and hyphens, like us-east: choose one with --region; \
             https://api.linode.com/v4/regions lists them",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a region can offer, under the API's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability(&'static str);

impl Capability {
    pub const INSTANCES: Self = Self("Linodes");
    /// The service that tells an instance its keys and settings.
    pub const METADATA: Self = Self("Metadata");
    pub const FIREWALLS: Self = Self("Cloud Firewall");
    pub const OBJECT_STORAGE: Self = Self("Object Storage");
}

/// The fields of a region that stackdeb uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegionInfo {
    pub id: String,
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// `core` or `distributed`. Older versions of the API do not have it.
    #[serde(default)]
    pub site_type: Option<String>,
}

impl RegionInfo {
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.iter().any(|own| own == capability.0)
    }

    /// Whether images can be uploaded there: only core regions that have object storage accept them.
    pub fn takes_images(&self) -> bool {
        self.site_type.as_deref().is_none_or(|kind| kind == "core") && self.has(Capability::OBJECT_STORAGE)
    }
}

/// All regions. They are fetched when they are first needed, and then kept.
#[derive(Debug, Default)]
pub struct Regions {
    fetched: OnceCell<Vec<RegionInfo>>,
}

impl Regions {
    /// All of them, in the API's order. One request at the first call, none at any other.
    ///
    /// # Errors
    /// When the API refuses or cannot be reached.
    pub fn all(&self, client: &ApiClient) -> Result<&[RegionInfo], LinodeError> {
        if let Some(known) = self.fetched.get() {
            return Ok(known);
        }
        let (path, action) = ("/regions", "list the regions");
        let fetched = ListRequest { path, filter: None, action, scope: "none at all", next: None }.fetch(client)?;
        Ok(self.fetched.get_or_init(|| fetched))
    }

    /// The region, if images can be uploaded there.
    ///
    /// # Errors
    /// When Linode has no such region, or images cannot be uploaded there; as [`Regions::all`].
    pub fn require_for_images(&self, client: &ApiClient, region: &Region) -> Result<(), LinodeError> {
        let all = self.all(client)?;
        let takers = all.iter().filter(|region| region.takes_images()).map(|region| region.id.as_str());
        let help = format!("these take images: {}", takers.clone().collect::<Vec<_>>().join(", "));
        match all.iter().find(|known| known.id == region.as_str()) {
            Some(known) if known.takes_images() => Ok(()),
            Some(_) => Err(LinodeError::RegionLacks {
                region: region.to_string(),
                problem: "takes no images: only core regions that have object storage do".to_owned(),
                help: format!("{help}; instances can be made from an image in every region, wherever it was uploaded"),
            }),
            None => Err(not_found(region, takers, help)),
        }
    }

    /// The region, if it has everything that is needed. Each need is a capability and a phrase for a message that says
    /// what it is and why it is needed.
    ///
    /// # Errors
    /// When Linode has no such region, or it lacks something; as [`Regions::all`].
    pub fn require(
        &self,
        client: &ApiClient,
        region: &Region,
        needs: &[(Capability, &str)],
    ) -> Result<(), LinodeError> {
        let all = self.all(client)?;
        let Some(known) = all.iter().find(|known| known.id == region.as_str()) else {
            let ids = all.iter().map(|region| region.id.as_str());
            let help = "choose one with --region; https://api.linode.com/v4/regions lists them";
            return Err(not_found(region, ids, help.to_owned()));
        };
        let Some((_, what)) = needs.iter().find(|(capability, _)| !known.has(*capability)) else { return Ok(()) };
        let others = all.iter().filter(|other| needs.iter().all(|(capability, _)| other.has(*capability)));
        let others = others.map(|region| region.id.as_str()).collect::<Vec<_>>().join(", ");
        Err(LinodeError::RegionLacks {
            region: region.to_string(),
            problem: format!("has no {what}"),
            help: format!("these have everything that is needed: {others}"),
        })
    }
}

fn not_found<'a>(region: &Region, candidates: impl Iterator<Item = &'a str>, help: String) -> LinodeError {
    let nearest = nearest(region.as_str(), &candidates.collect::<Vec<_>>()).map(str::to_owned);
    LinodeError::NotInCatalogue { kind: "region", name: region.to_string(), nearest, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_the_api_s_form() {
        for good in ["us-east", "in-bom-2", "x"] {
            assert_eq!(Region::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "US-east", "us east", "-us", "us/../x", "us-east?x"] {
            let error = Region::new(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a valid region")), "{error}");
        }
    }

    #[test]
    fn core_regions_with_object_storage_take_images() {
        let region = |capabilities: &[&str], site_type: Option<&str>| RegionInfo {
            id: "x".to_owned(),
            capabilities: capabilities.iter().map(|&name| name.to_owned()).collect(),
            site_type: site_type.map(str::to_owned),
        };
        assert!(region(&["Linodes", "Object Storage"], Some("core")).takes_images());
        assert!(region(&["Object Storage"], None).takes_images());
        assert!(!region(&["Linodes", "Object Storage"], Some("distributed")).takes_images());
        assert!(!region(&["Linodes"], None).takes_images());
    }
}
