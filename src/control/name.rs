//! Names of packages and architectures.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The name of a binary package (Debian Policy 5.6.7): at least two characters, lower-case letters, digits, `+`, `-`
/// and `.`, the first a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PackageName(String);

/// Why a text is not the name of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("`{0}` is too short: a name has at least two characters")]
    TooShort(String),
    #[error("`{0}` does not begin with a lower-case letter or a digit")]
    BadStart(String),
    #[error("`{name}` has the character `{character}`: only a-z, 0-9, `+`, `-` and `.` are allowed")]
    BadCharacter {
        /// The text as it was given.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

impl PackageName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
        if let Some(character) = text.chars().find(|&c| !allowed(c)) {
            return Err(NameError::BadCharacter { name: text.to_owned(), character });
        }
        if text.len() < 2 {
            return Err(NameError::TooShort(text.to_owned()));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(NameError::BadStart(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A Debian architecture that stackdeb builds for, or `all` (Debian Policy 5.6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit x86, as on Linode.
    Amd64,
    All,
}

impl Architecture {
    /// The name as in the field `Architecture`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_decides_what_a_package_name_is() {
        for good in ["stack", "0ad", "libstdc++6", "python3.11", "a-b"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Stack", "-ab", "my_app", "a b", "né"] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad}");
        }
    }
}
