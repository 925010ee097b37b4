//! Whole lists of the API. It sends them in pages.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::client::ApiClient;
use super::request::ApiRequest;
use crate::linode::error::LinodeError;

/// The longest page that the API sends, in entries.
const PAGE_SIZE: u32 = 500;

/// A list of the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListRequest<'a> {
    /// What follows the API's address: `/images`.
    pub path: &'a str,
    /// The value of the header `X-Filter`, in JSON.
    pub filter: Option<&'a str>,
    /// For messages: "list the images".
    pub action: &'static str,
    /// The scope that the token needs to read the list.
    pub scope: &'static str,
    /// What the token will be needed for next, and the scope for it: a missing scope is better reported
    /// now, before anything is made.
    pub next: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Deserialize)]
struct ListPage<T> {
    data: Vec<T>,
    /// How many pages the list has; 0 if the API does not say.
    #[serde(default)]
    pages: u32,
}

impl ListRequest<'_> {
    /// All entries, by one request for each page.
    ///
    /// # Errors
    /// When the API refuses or cannot be reached, or lists the token's scopes and they do not suffice for what is next.
    pub fn fetch<T: DeserializeOwned>(&self, client: &ApiClient) -> Result<Vec<T>, LinodeError> {
        let mut all = Vec::new();
        for number in 1_u32.. {
            let path = format!("{}?page={number}&page_size={PAGE_SIZE}", self.path);
            let request =
                ApiRequest { filter: self.filter, ..ApiRequest::new(Method::GET, &path, self.action, self.scope) };
            let response = client.send(&request)?;
            if let Some((action, scope)) = self.next {
                response.require_scope(scope, action)?;
            }
            let page: ListPage<T> = response.parse()?;
            all.extend(page.data);
            if number >= page.pages {
                break;
            }
        }
        Ok(all)
    }
}
