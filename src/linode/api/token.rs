//! The access token. It comes from the environment and goes into one header of requests to the API, and nowhere else:
//! neither `{}` nor `{:?}` prints it.

use std::env;
use std::fmt;

use ureq::http::HeaderValue;

use crate::linode::error::LinodeError;
use crate::system::words::keep_secret;

/// The variables that can hold the token, in the order in which they are read. The second is that
/// of Linode's own command-line client.
pub const VARIABLES: [&str; 2] = ["LINODE_TOKEN", "LINODE_CLI_TOKEN"];

#[derive(Clone)]
pub struct Token {
    secret: String,
    variable: &'static str,
}

impl Token {
    /// The token of this process's environment.
    ///
    /// # Errors
    /// When neither variable is set, or it holds something else.
    pub fn from_environment() -> Result<Self, LinodeError> {
        let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(|value| (variable, value));
        let (variable, value) = VARIABLES.into_iter().find_map(set).ok_or(LinodeError::NoToken)?;
        // Bytes that are not UTF-8 become a character that no token has.
        Self::new(value.to_string_lossy().into_owned(), variable)
    }

    /// The token `secret`, which `variable` held.
    ///
    /// # Errors
    /// When it has characters that no token has. The error does not show them.
    pub fn new(secret: String, variable: &'static str) -> Result<Self, LinodeError> {
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(LinodeError::argument(
                format!(
                    "the token in {variable} has characters that no token has, such as white space or a line break"
                ),
                "set the variable to the token alone, as Cloud Manager showed it",
            ));
        }
        keep_secret(&secret);
        Ok(Self { secret, variable })
    }

    /// The variable that held it, for the text of commands.
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// The value of the `Authorization` header (RFC 6750, 2.1), marked as secret for whatever prints headers.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.secret)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text from outside, without the token: a server or a proxy may repeat what it received.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.secret, "[token]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(from {})", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_shown() {
        let token = Token::new("0123abcd".to_owned(), "LINODE_TOKEN").unwrap();
        assert_eq!(format!("{token:?} {token:#?}"), "Token(from LINODE_TOKEN) Token(from LINODE_TOKEN)");
        let header = token.header().unwrap();
        assert_eq!(header.as_bytes(), b"Bearer 0123abcd");
        assert!(!format!("{header:?}").contains("0123"), "{header:?}");
        assert_eq!(token.redact("{\"sent\": \"Bearer 0123abcd\"}"), "{\"sent\": \"Bearer [token]\"}");
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_showing_it() {
        for secret in ["", "two words", "line\n", "caf\u{e9}"] {
            let error = Token::new(secret.to_owned(), "LINODE_TOKEN").unwrap_err();
            assert!(error.to_string().starts_with("the token in LINODE_TOKEN has characters"), "{error}");
            assert!(secret.is_empty() || !error.to_string().contains(secret));
        }
    }
}
