//! What the API says when it refuses a request: the body of the answer → the API's own words.

use std::fmt;

use serde::Deserialize;

/// One thing that the API has against a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reason {
    pub reason: String,
    /// The field of the request that it is about, if it is about one.
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

/// The body of a refusal, as the API's documentation of errors has it.
#[derive(Debug, Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
}

/// Reads the body of an answer with a bad status. If it is not the API's JSON (a proxy may have answered), its first
/// 200 characters are the reason.
pub(super) fn reasons(body: &str) -> Vec<Reason> {
    const SHOWN: usize = 200;
    match serde_json::from_str::<Refusal>(body) {
        Ok(refusal) if !refusal.errors.is_empty() => refusal.errors,
        _ => match body.split_whitespace().collect::<Vec<_>>().join(" ") {
            empty if empty.is_empty() => vec![],
            text => vec![Reason { reason: text.chars().take(SHOWN).collect(), field: None }],
        },
    }
}

/// All reasons in one line.
pub(super) fn sentence(reasons: &[Reason]) -> String {
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
