//! Package versions: their syntax and their order (deb-version(7), Debian Policy 5.6.12).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A version `[epoch:]upstream[-revision]`. It is compared as dpkg does it: `1.0` is equal to `1.00` and `0:1.0`.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct Version {
    epoch: u32,
    text: String,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text is empty, or has only an epoch or a revision.
    #[error("`{0}` has no upstream version")]
    Empty(String),
    #[error("`{0}` has an epoch that is not a number from 0 to 2147483647")]
    BadEpoch(String),
    /// Concerns the upstream version: what follows the epoch.
    #[error("`{0}` does not begin with a digit")]
    BadStart(String),
    #[error("`{version}` has the character `{character}`: only letters, digits and `.`, `+`, `-`, `~` are allowed")]
    BadCharacter {
        /// The text as it was given.
        version: String,
        /// The first character that is not allowed.
        character: char,
    },
    #[error("`{0}` has an empty revision after `-`")]
    EmptyRevision(String),
}

impl Version {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version as a part of a file's name: whole, with `%3a` for `:`. apt writes its downloads in the same way.
    pub fn in_file_name(&self) -> String {
        self.text.replace(':', "%3a")
    }

    /// Whether it has an epoch: a number and a `:` before the rest.
    pub fn has_epoch(&self) -> bool {
        self.epoch > 0
    }

    /// What follows the epoch and its colon; all of a version that has no epoch.
    pub fn without_epoch(&self) -> &str {
        self.text.split_once(':').map_or(self.text.as_str(), |(_, rest)| rest)
    }

    /// Whether the version has no revision. The changelog of such a package is
    /// named `changelog.gz` (Debian Policy 12.7).
    pub fn is_native(&self) -> bool {
        !self.without_epoch().contains('-')
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.without_epoch();
        rest.rsplit_once('-').unwrap_or((rest, ""))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let given = || text.to_owned();
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => {
                let number = epoch.parse::<u32>().ok().filter(|n| i32::try_from(*n).is_ok());
                let digits = epoch.bytes().all(|b| b.is_ascii_digit());
                (number.filter(|_| digits).ok_or_else(|| VersionError::BadEpoch(given()))?, rest)
            }
            None => (0, text),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((_, "")) => return Err(VersionError::EmptyRevision(given())),
            Some((upstream, revision)) => (upstream, revision),
            None => (rest, ""),
        };
        if upstream.is_empty() {
            return Err(VersionError::Empty(given()));
        }
        let common = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~');
        let bad = (upstream.chars().find(|&c| !common(c) && c != '-' && !(c == ':' && text.contains(':'))))
            .or_else(|| revision.chars().find(|&c| !common(c)));
        if let Some(character) = bad {
            return Err(VersionError::BadCharacter { version: given(), character });
        }
        if !upstream.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(VersionError::BadStart(given()));
        }
        Ok(Self { epoch, text: given() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((upstream, revision), (other_upstream, other_revision)) = (self.parts(), other.parts());
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(upstream.as_bytes(), other_upstream.as_bytes()))
            .then_with(|| compare_part(revision.as_bytes(), other_revision.as_bytes()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// The rank of a byte (deb-version(7)): first `~`, then the end of the part, then letters, then all other bytes. A
/// digit has the rank of the end, because it ends a run of non-digits.
fn weight(byte: Option<&u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None | Some(b'0'..=b'9') => (1, 0),
        Some(&b) if b.is_ascii_alphabetic() => (2, b),
        Some(&b) => (3, b),
    }
}

/// Compares two upstream versions or two revisions. Runs of non-digits and runs of digits are compared in turn.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let is_digit = |part: &[u8]| part.first().is_some_and(u8::is_ascii_digit);
    while !a.is_empty() || !b.is_empty() {
        while (!a.is_empty() && !is_digit(a)) || (!b.is_empty() && !is_digit(b)) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default()),
                different => return different,
            }
        }
        let (digits_a, rest_a) = number(a);
        let (digits_b, rest_b) = number(b);
        let order = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// Splits `part` after its leading digits. The digits are returned without leading zeros.
fn number(part: &[u8]) -> (&[u8], &[u8]) {
    let end = part.iter().position(|b| !b.is_ascii_digit()).unwrap_or(part.len());
    let (digits, rest) = part.split_at(end);
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    (digits.get(zeros..).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect(text)
    }

    #[test]
    fn order_is_that_of_deb_version() {
        // The chain is the example of the manual page, then cases that other implementations got wrong on real data.
        let chain = ["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b1", "1.0.1", "1.1-1", "1.1-1+b1", "1:0.1"];
        for pair in chain.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert!(version("0.9+ds-5") > version("0.9+ds0-3"));
        assert_eq!(version("1.0"), version("0:1.00"));
        assert_eq!(version("1.0"), version("1.0-0"));
    }

    #[test]
    fn two_versions_have_two_names_of_files() {
        let names = ["1.0.0-1", "1.0.0-2", "1.0.0", "1:1.0.0", "2:1.0.0"].map(|text| version(text).in_file_name());
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "{names:?}");
        // `apt-get download` of a package with an epoch writes such a name (apt-get(8)).
        assert_eq!(names[3], "1%3a1.0.0");
        assert!(names.iter().all(|name| !name.contains([':', '/'])), "{names:?}");
    }

    #[test]
    fn syntax_is_that_of_policy() {
        for good in ["1", "1.0-1", "2:1.0-1~deb12u1", "1.0-a-1", "0~git2020"] {
            assert!(good.parse::<Version>().is_ok(), "{good}");
        }
        for bad in ["", "a1", "1.0-", "1_0", ":1", "x:1", "1.0 ", "1:", "-1", "1-1_2", "+1:1"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
