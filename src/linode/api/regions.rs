//! The regions: whether one is there, and takes images. Only core regions that have object storage do.

use serde::Deserialize;
use ureq::http::Method;

use super::client::{Call, Client};
use crate::linode::error::ApiError;

/// What a region must have for images to be sent there.
const CAPABILITY: &str = "Object Storage";

/// A region, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Region {
    /// `us-east`.
    pub id: String,
    /// What it has.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// `core` or `distributed`; older versions of the API do not tell.
    #[serde(default)]
    pub site_type: Option<String>,
}

impl Region {
    /// Whether images can be sent there.
    pub fn takes_images(&self) -> bool {
        self.site_type.as_deref().is_none_or(|kind| kind == "core")
            && self.capabilities.iter().any(|capability| capability == CAPABILITY)
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Region>,
}

/// All regions.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn list(client: &Client) -> Result<Vec<Region>, ApiError> {
    // There are about forty; 500 is the longest page.
    let call = Call::new(Method::GET, "/regions?page_size=500", "list the regions", "none at all");
    Ok(client.send(&call)?.parse::<Page>()?.data)
}

/// The name most like `id` among the regions that take images, if one is.
pub fn nearest<'a>(id: &str, regions: &'a [Region]) -> Option<&'a str> {
    let likeness = |region: &&Region| (1000.0 * strsim::jaro_winkler(id, &region.id)) as u32;
    let best = regions.iter().filter(|region| region.takes_images()).max_by_key(likeness)?;
    (likeness(&best) > 800).then_some(best.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_regions_with_object_storage_take_images() {
        let region = |id: &str, capabilities: &[&str], site_type: Option<&str>| Region {
            id: id.to_owned(),
            capabilities: capabilities.iter().map(|&name| name.to_owned()).collect(),
            site_type: site_type.map(str::to_owned),
        };
        let east = region("us-east", &["Linodes", "Object Storage"], Some("core"));
        let edge = region("us-den-1", &["Linodes", "Object Storage"], Some("distributed"));
        let bare = region("ca-central", &["Linodes"], None);
        assert!(east.takes_images() && !edge.takes_images() && !bare.takes_images());
        let all = [edge, bare, east];
        assert_eq!(nearest("us-esat", &all), Some("us-east"));
        assert_eq!(nearest("us-den1", &all), None, "it takes no images");
        assert_eq!(nearest("zz", &all), None);
    }
}
