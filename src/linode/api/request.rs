//! One request to the API, and the answer to it.

use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::linode::error::LinodeError;

/// A request before it is sent. The client adds the address and the token.
#[derive(Debug, Clone)]
pub(super) struct ApiRequest<'a> {
    pub method: Method,
    /// What follows the API's address, from its `/` on.
    pub path: &'a str,
    /// The value of the header `X-Filter`, in JSON.
    pub filter: Option<&'a str>,
    /// What is sent after the headers, in JSON.
    pub body: Option<String>,
    /// A part of the body that must not be shown if an answer repeats it.
    pub secret: Option<&'a str>,
    /// What the request is for, as it follows "cannot" in a message: "list the images".
    pub action: &'static str,
    /// The scope that the token needs for it.
    pub scope: &'static str,
}

impl<'a> ApiRequest<'a> {
    /// A request without a filter and without a body.
    pub fn new(method: Method, path: &'a str, action: &'static str, scope: &'static str) -> Self {
        Self { method, path, filter: None, body: None, secret: None, action, scope }
    }
}

/// An answer with a good status.
#[derive(Debug)]
pub(super) struct ApiResponse {
    pub action: &'static str,
    pub body: String,
    /// The scopes of the token, if the API lists them.
    pub scopes: Option<String>,
}

impl ApiResponse {
    /// # Errors
    /// When the body is not JSON of that type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, LinodeError> {
        serde_json::from_str(&self.body)
            .map_err(|error| LinodeError::Response { action: self.action, reason: error.to_string() })
    }

    /// Checks that the token suffices for `action`, which comes later.
    ///
    /// # Errors
    /// When the API lists the token's scopes and `scope` is not among them. If it lists none, nothing is known.
    pub fn require_scope(&self, scope: &'static str, action: &'static str) -> Result<(), LinodeError> {
        let Some(found) = &self.scopes else { return Ok(()) };
        let suffices = |own: &str| {
            own == "*" || own == scope || scope.split_once(':').is_some_and(|(of, _)| own == format!("{of}:*"))
        };
        if found.split([',', ' ']).any(suffices) {
            return Ok(());
        }
        Err(LinodeError::Scope { action, found: found.clone(), scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_suffice_or_not() {
        let with = |scopes: &str| ApiResponse { action: "x", body: String::new(), scopes: Some(scopes.to_owned()) };
        for enough in ["*", "images:read_write", "linodes:read_only images:read_write", "events:read_only,images:*"] {
            assert!(with(enough).require_scope("images:read_write", "x").is_ok(), "{enough}");
        }
        for little in ["", "images:read_only", "linodes:*", "images:read_writes"] {
            assert!(with(little).require_scope("images:read_write", "x").is_err(), "{little}");
        }
    }
}
