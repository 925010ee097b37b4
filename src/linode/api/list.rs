//! Whole lists of the API, which come in pages.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::client::{Call, Client};
use crate::linode::error::ApiError;

/// A list that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'a> {
    /// Behind the base address: `/images`.
    pub path: &'a str,
    /// The `X-Filter` header: JSON.
    pub filter: Option<&'a str>,
    /// For messages: "list the images".
    pub what: &'static str,
    /// The scope that reading it takes.
    pub scope: &'static str,
    /// What the token will be needed for afterwards, and the scope of that: better told before anything is made.
    pub then: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    pages: u32,
}

impl List<'_> {
    /// All of it.
    ///
    /// # Errors
    /// When the API refuses or cannot be asked, or tells that the token does not suffice for what comes next.
    pub fn fetch<T: DeserializeOwned>(&self, client: &Client) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let mut number = 1;
        loop {
            // The longest page that there is.
            let path = format!("{}?page={number}&page_size=500", self.path);
            let call = Call { filter: self.filter, ..Call::new(Method::GET, &path, self.what, self.scope) };
            let answer = client.send(&call)?;
            if let Some((what, scope)) = self.then {
                answer.require_scope(scope, what)?;
            }
            let page: Page<T> = answer.parse()?;
            all.extend(page.data);
            if number >= page.pages {
                return Ok(all);
            }
            number += 1;
        }
    }
}
