//! The certificate of the site: the state file that the stack's script for certificates writes → what nginx serves, until when,
//! and why it is not the certificate that it should be. This program itself reads no certificate.
//!
//! The file has one `KEY=VALUE` a line: `wanted` and `served` (`acme`, `own` or `self-signed`, which browsers do not trust;
//! `served` is `none` when nginx refuses to serve HTTPS), `not_after` (the end of the served one, in seconds since 1970) and
//! `failure` (why the last attempt failed; may be missing). Other lines are ignored.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// In days. A certificate that ends sooner, and is not being renewed, is a problem.
const FEW_DAYS: i64 = 7;

const DAY: i64 = 24 * 60 * 60;

/// What is known of the site's certificate.
#[derive(Serialize)]
pub struct Certificate {
    /// What the stack should serve: `acme`, `own` or `self-signed`.
    wanted: String,
    /// What it serves: one of the same, or `none`.
    served: String,
    healthy: bool,
    /// Whole days until the end of the served one; negative when it has ended.
    days_left: i64,
    /// When the served one ends, in seconds since 1970.
    not_after: i64,
    /// Why the last attempt to get another one failed.
    failure: Option<String>,
}

impl Certificate {
    /// Reads the file in which the certificate service keeps what it did last. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When it cannot be read or lacks a line: a sentence.
    pub fn read(path: &Path, now: i64) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read the state of the certificate {}: {error}", path.display()))?;
        Self::parse(&text, now).ok_or_else(|| format!("{} is not the state of a certificate", path.display()))
    }

    fn parse(text: &str, now: i64) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let not_after: i64 = value("not_after")?.parse().ok()?;
        let mut found = Self {
            wanted: value("wanted")?.to_owned(),
            served: value("served")?.to_owned(),
            healthy: false,
            days_left: not_after.saturating_sub(now).div_euclid(DAY),
            not_after,
            failure: value("failure").map(|failure| failure.trim().to_owned()).filter(|failure| !failure.is_empty()),
        };
        found.healthy = found.problem().is_none();
        Some(found)
    }

    /// What is wrong with it; `None` when nothing is.
    pub fn problem(&self) -> Option<String> {
        let because = self.failure.as_ref().map_or(String::new(), |failure| format!(": {failure}"));
        if self.served != self.wanted {
            // Until the first attempt has ended, nothing is wrong.
            return self.failure.as_ref().map(|_| match self.served.as_str() {
                "none" => format!("there is no HTTPS{because}"),
                served => format!("HTTPS has a {served} certificate only{because}"),
            });
        }
        match self.days_left {
            days if days < 0 => Some(format!("the certificate has ended{because}")),
            days if days < FEW_DAYS && (self.wanted != "acme" || self.failure.is_some()) => {
                Some(format!("the certificate ends in {}{because}", in_words(days)))
            }
            _ => None,
        }
    }

    /// The field of the log's line: `63 days`, or `self-signed`.
    pub fn in_words(&self) -> String {
        match self.served.as_str() {
            kind @ ("self-signed" | "none") => kind.to_owned(),
            _ => in_words(self.days_left),
        }
    }
}

fn in_words(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
