//! What can go wrong between this machine and the API, and which kind of trouble it is: the program's exit status tells
//! the kinds apart.

use std::fmt;

use serde::Deserialize;

use crate::system::interrupt::Interrupted;

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something on this machine has to be put right first. Nothing was made at Linode.
    Input,
    /// Linode was asked and said no.
    Refused,
    /// Linode could not be asked, or did not come to an end in time. Another attempt may do.
    Network,
}

impl Class {
    /// The exit status of a program that ends so. 2 is what wrong arguments end with.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Input => 1,
            Self::Refused => 3,
            Self::Network => 4,
        }
    }
}

/// One thing that the API has against a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reason {
    /// In words.
    pub reason: String,
    /// The field of the request, if it is about one.
    #[serde(default)]
    pub field: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// All that the API has against a request, as it sends it.
#[derive(Debug, Deserialize)]
struct Reasons {
    errors: Vec<Reason>,
}

/// A request to the API had no good end. `what` is always what was to be done: "list the images".
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ApiError {
    /// The address of the API.
    #[error("`{address}` cannot be the address of Linode's API: {reason}")]
    #[diagnostic(help("leave --api and LINODE_API_URL out for https://api.linode.com/v4"))]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// 401, or 403: the token is not good, or not good enough.
    #[error("Linode does not let this token {what}: {}", sentence(.reasons))]
    #[diagnostic(help(
        "the token needs the scope {scope} and must not have expired; its user needs the right to do this: see \
         https://cloud.linode.com/profile/tokens"
    ))]
    Unauthorized {
        /// What was to be done.
        what: &'static str,
        /// The scope that it takes.
        scope: &'static str,
        /// The API's words.
        reasons: Vec<Reason>,
    },
    /// The token's scopes, which the API tells with every answer, do not suffice.
    #[error("the token has the scopes `{found}`, but not {scope}, without which nobody can {what}")]
    #[diagnostic(help("make a token with the scope {scope} at https://cloud.linode.com/profile/tokens"))]
    Scope {
        /// What was to be done.
        what: &'static str,
        /// What the token has.
        found: String,
        /// What it takes.
        scope: &'static str,
    },
    /// It is not there.
    #[error("Linode cannot {what}: it is not there")]
    #[diagnostic(help("check --api and LINODE_API_URL if they are set"))]
    NotFound {
        /// What was to be done.
        what: &'static str,
    },
    /// Any other refusal.
    #[error("Linode refuses to {what} ({status}): {}", sentence(.reasons))]
    #[diagnostic(help(
        "change what it names and try again; accounts have limits, which for images are 25 and 150 GB of them"
    ))]
    Refused {
        /// What was to be done.
        what: &'static str,
        /// The status with its name.
        status: String,
        /// The API's words.
        reasons: Vec<Reason>,
    },
    /// 429, and it does not end.
    #[error("Linode puts off requests to {what}: too many came from this account or address")]
    #[diagnostic(help("try again later, in {seconds} seconds at the earliest"))]
    TooMany {
        /// What was to be done.
        what: &'static str,
        /// How long the API wants to be left alone.
        seconds: u64,
    },
    /// The network, or the API's own trouble, several times.
    #[error("cannot {what}, after {attempts} attempts: {reason}")]
    #[diagnostic(help(
        "check the network, and https_proxy if the way out is a proxy; https://status.linode.com tells of Linode's own \
         troubles"
    ))]
    Network {
        /// What was to be done.
        what: &'static str,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// An answer that the specification does not have.
    #[error("Linode's answer when asked to {what} is not understood: {reason}")]
    #[diagnostic(help(
        "check --api and LINODE_API_URL if they are set, and whether a proxy answers in Linode's place"
    ))]
    Answer {
        /// What was to be done.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl ApiError {
    /// The kind of trouble.
    pub fn class(&self) -> Class {
        match self {
            Self::Address { .. } | Self::Interrupted(_) => Class::Input,
            Self::Unauthorized { .. } | Self::Scope { .. } | Self::NotFound { .. } | Self::Refused { .. } => {
                Class::Refused
            }
            Self::TooMany { .. } | Self::Network { .. } | Self::Answer { .. } => Class::Network,
        }
    }
}

/// What an answer with a bad status says: `{"errors": [{"reason", "field"}]}`, or the beginning of whatever else it is.
pub(super) fn reasons(body: &str) -> Vec<Reason> {
    const SHOWN: usize = 200;
    match serde_json::from_str::<Reasons>(body) {
        Ok(known) if !known.errors.is_empty() => known.errors,
        _ => match body.split_whitespace().collect::<Vec<_>>().join(" ") {
            empty if empty.is_empty() => vec![],
            text => vec![Reason { reason: text.chars().take(SHOWN).collect(), field: None }],
        },
    }
}

fn sentence(reasons: &[Reason]) -> String {
    if reasons.is_empty() {
        return "it gives no reason".to_owned();
    }
    reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_s_own_words_are_kept() {
        // The example of the API's documentation of errors.
        let body = r#"{"errors": [{"reason": "fieldname must be a valid value", "field": "fieldname"}]}"#;
        assert_eq!(sentence(&reasons(body)), "fieldname: fieldname must be a valid value");
        assert_eq!(sentence(&reasons("<html>\n <h1>Bad Gateway</h1>")), "<html> <h1>Bad Gateway</h1>");
        assert_eq!(sentence(&reasons("")), "it gives no reason");
        assert_eq!(reasons(&"long ".repeat(1000))[0].reason.len(), 200);
    }
}
