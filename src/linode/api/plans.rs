//! The plans: how large their disks are, and what they cost.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::list::List;
use crate::linode::error::ApiError;

/// A plan, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Plan {
    /// `g6-nanode-1`.
    pub id: String,
    /// All of its disk, in MB.
    pub disk: u64,
    price: Price,
    #[serde(default)]
    region_prices: Vec<RegionPrice>,
}

/// What an instance costs, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// For an hour.
    pub hourly: Option<f64>,
    /// For a month, which is the most that is billed for one.
    pub monthly: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct RegionPrice {
    id: String,
    #[serde(flatten)]
    price: Price,
}

impl Plan {
    /// What it costs there: some regions have prices of their own.
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

/// All plans.
///
/// # Errors
/// When the API refuses or cannot be asked.
pub fn list(client: &Client) -> Result<Vec<Plan>, ApiError> {
    let (path, what) = ("/linode/types", "list the plans");
    List { path, filter: None, what, scope: "none at all", then: None }.fetch(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_may_have_a_price_of_its_own() {
        // From the API's documentation of types.
        let text = r#"{"id": "g6-standard-2", "disk": 81920, "price": {"hourly": 0.036, "monthly": 24},
            "region_prices": [{"hourly": 0.05, "id": "ap-west", "monthly": 34.0}]}"#;
        let plan: Plan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.price("ap-west").to_string(), "$0.05 an hour, at most $34 a month");
        assert_eq!(plan.price("us-east").to_string(), "$0.036 an hour, at most $24 a month");
    }
}
