//! What the options of a repository may be: texts from the command line → names and an address that are safe in apt's files,
//! in paths and in an Origins-Pattern of unattended-upgrades.

use std::str::FromStr;

use super::error::RepositoryError;
use crate::control::PackageName;
use crate::system::http;

/// The suite of a new repository.
pub(super) const DEFAULT_SUITE: &str = "stable";

/// The most days that a repository can be valid for: ten years.
const MOST_DAYS: u32 = 3650;

/// How long servers accept a state of the repository, in days; 0 for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity(u32);

impl Validity {
    /// For ever.
    pub const FOREVER: Self = Self(0);

    pub(super) fn from_seconds(seconds: u32) -> Self {
        Self(seconds.div_ceil(86400).min(MOST_DAYS))
    }

    /// `None` for ever.
    pub(super) fn seconds(self) -> Option<u32> {
        (self.0 > 0).then(|| self.0.saturating_mul(86400))
    }
}

impl FromStr for Validity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.parse().ok().filter(|days| *days <= MOST_DAYS);
        days.map(Self).ok_or_else(|| format!("give a whole number of days up to {MOST_DAYS}; 0 for no end"))
    }
}

/// Checks a suite or an origin. It becomes the name of a folder or file, and apt ignores files with other characters.
pub(super) fn name(option: &'static str, text: &str) -> Result<String, RepositoryError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 64 && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(RepositoryError::Value {
        option,
        given: text.escape_debug().to_string(),
        why: "it is not one word",
        help: "write up to 64 letters, digits, `-`, `_` and `.`, and a letter or a digit first",
    })
}

/// The origin of a repository that begins with this package.
pub(super) fn origin_of(package: &PackageName) -> String {
    package.as_str().replace('+', "-")
}

/// Checks the address at which servers find the repository. A slash at its end is taken off.
pub(super) fn url(text: &str) -> Result<String, RepositoryError> {
    let wrong = |given: &str, why, help| {
        Err(RepositoryError::Value { option: "--url", given: given.escape_debug().to_string(), why, help })
    };
    const EXAMPLE: &str = "write it as https://packages.example.org/shop, or file:/srv/shop for a folder of the server";
    if http::credentials(text).is_some() {
        return wrong(
            &http::without_credentials(text),
            "it was given with a user name or a password",
            "take them out: everybody can read the file that names the address; a server keeps a password in \
             /etc/apt/auth.conf.d (apt_auth.conf(5))",
        );
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return wrong(text, "it has a character that an address does not have", EXAMPLE);
    }
    let known = ["https", "http", "file"];
    let parsed = url::Url::parse(text).ok().filter(|url| known.contains(&url.scheme()));
    let Some(parsed) = parsed else { return wrong(text, "it is not an address", EXAMPLE) };
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return wrong(text, "apt adds paths to its end, so it can have neither `?` nor `#`", EXAMPLE);
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(url("https://packages.example.org/shop/").unwrap(), "https://packages.example.org/shop");
        assert_eq!(url("file:/srv/shop").unwrap(), "file:/srv/shop");
        for bad in
            ["", "packages.example.org", "ftp://a.example", "https://a.example/?x", "https://a.example/a b", "https://"]
        {
            assert!(url(bad).unwrap_err().to_string().contains("--url"), "{bad}");
        }
        let error = url("https://anna:hunter2@a.example/").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_name_is_one_word() {
        for good in ["stable", "shop", "Example.org", "a_b-c"] {
            assert_eq!(name("--suite", good).unwrap(), good);
        }
        for bad in ["", ".", "..", "a/b", "a b", "-a", "a,b", "a\nb", "é", &"a".repeat(65)] {
            assert!(name("--suite", bad).is_err(), "{bad}");
        }
    }
}
