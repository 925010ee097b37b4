//! The access token: it comes from the environment, goes into one header of requests to the API, and nowhere else. It
//! cannot be printed: neither by `{}`, which it does not have, nor by `{:?}`.

use std::env;
use std::fmt;

use ureq::http::HeaderValue;

/// Where the token is looked for, first to last. The second is that of Linode's own command-line client.
pub const VARIABLES: [&str; 2] = ["LINODE_TOKEN", "LINODE_CLI_TOKEN"];

/// Why there is no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum TokenError {
    /// Neither variable is set to anything.
    #[error("there is no token: neither LINODE_TOKEN nor LINODE_CLI_TOKEN is set")]
    #[diagnostic(help(
        "make a personal access token with the scope images:read_write (and events:read_only, to be told why an image \
         failed) at https://cloud.linode.com/profile/tokens, and put it into the environment: \
         `read -rs LINODE_TOKEN && export LINODE_TOKEN`"
    ))]
    Missing,
    /// It cannot stand in a header.
    #[error("the token in {variable} has characters in it that no token has: white space, a line's end, or others")]
    #[diagnostic(help("set {variable} to the token alone, as Cloud Manager showed it"))]
    Malformed {
        /// The environment's variable.
        variable: &'static str,
    },
}

/// A personal access token.
#[derive(Clone)]
pub struct Token {
    secret: String,
    variable: &'static str,
}

impl Token {
    /// The token of this process's environment.
    ///
    /// # Errors
    /// When there is none, or it cannot be one.
    pub fn from_environment() -> Result<Self, TokenError> {
        let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(|value| (variable, value));
        let (variable, value) = VARIABLES.into_iter().find_map(set).ok_or(TokenError::Missing)?;
        let secret = value.into_string().map_err(|_| TokenError::Malformed { variable })?;
        Self::new(secret, variable)
    }

    /// The token `secret`, which `variable` held.
    ///
    /// # Errors
    /// When it has characters that no token has.
    pub fn new(secret: String, variable: &'static str) -> Result<Self, TokenError> {
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Malformed { variable });
        }
        Ok(Self { secret, variable })
    }

    /// The variable that held it, for the text of commands.
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// The value of the `Authorization` header (RFC 6750, 2.1), marked so that it is not printed either.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.secret)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text from outside, without the token if it was in it: a server or a proxy may send back what it was sent.
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
            assert_eq!(error, TokenError::Malformed { variable: "LINODE_TOKEN" });
            assert!(secret.is_empty() || !error.to_string().contains(secret));
        }
    }
}
