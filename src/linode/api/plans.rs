//! Linode's plans: how large their disks are, and what an instance costs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::ApiClient;
use super::list::ListRequest;
use crate::linode::error::LinodeError;
use crate::stack::nearest;

/// The fields of a plan that stackdeb uses.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct InstancePlan {
    /// Such as `g6-nanode-1`.
    pub id: String,
    /// The whole disk, in MB.
    pub disk: u64,
    price: Price,
    #[serde(default)]
    region_prices: Vec<RegionPrice>,
}

/// What an instance costs, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    pub hourly: Option<f64>,
    /// The most that is billed for one month.
    pub monthly: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct RegionPrice {
    id: String,
    #[serde(flatten)]
    price: Price,
}

impl InstancePlan {
    /// What an instance costs in that region. Some regions have prices of their own.
    pub fn price(&self, region: &str) -> Price {
        self.region_prices.iter().find(|special| special.id == region).map_or(self.price, |special| special.price)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hourly, self.monthly) {
            (Some(hourly), Some(monthly)) => write!(f, "${hourly} an hour, at most ${monthly} a month"),
            (None, Some(monthly)) => write!(f, "${monthly} a month"),
            _ => f.write_str("a price that the API does not tell"),
        }
    }
}

/// The plan with that ID.
///
/// # Errors
/// When Linode has no such plan, or the API refuses or cannot be reached.
pub fn get(client: &ApiClient, id: &str) -> Result<InstancePlan, LinodeError> {
    let (path, action) = ("/linode/types", "list the plans");
    let all: Vec<InstancePlan> =
        ListRequest { path, filter: None, action, scope: "none at all", next: None }.fetch(client)?;
    if let Some(plan) = all.iter().find(|plan| plan.id == id) {
        return Ok(plan.clone());
    }
    let known: Vec<&str> = all.iter().map(|plan| plan.id.as_str()).collect();
    Err(LinodeError::NotInCatalogue {
        kind: "plan",
        name: id.to_owned(),
        nearest: nearest(id, &known).map(str::to_owned),
        help: "choose one with --type; https://api.linode.com/v4/linode/types lists them".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_may_have_a_price_of_its_own() {
        // From the API's documentation of types.
        let text = r#"{"id": "g6-standard-2", "disk": 81920, "price": {"hourly": 0.036, "monthly": 24},
            "region_prices": [{"hourly": 0.05, "id": "ap-west", "monthly": 34.0}]}"#;
        let plan: InstancePlan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.price("ap-west").to_string(), "$0.05 an hour, at most $34 a month");
        assert_eq!(plan.price("us-east").to_string(), "$0.036 an hour, at most $24 a month");
    }
}
