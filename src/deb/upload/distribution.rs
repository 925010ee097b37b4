//! The name of a distribution, as in a changelog and in a `.changes` file.

use std::fmt;
use std::str::FromStr;

/// One word of letters, digits, `+`, `-` and `.` (deb-changelog(5)), such as `stable` or `trixie-backports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadDistribution(String);

/// Why a text is not the name of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write one word of letters, digits, `+`, `-` and `.`, such as `stable`, with a letter or a digit first")]
pub struct DistributionError;

impl FromStr for UploadDistribution {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Self, DistributionError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed);
        if good { Ok(Self(text.to_owned())) } else { Err(DistributionError) }
    }
}

impl fmt::Display for UploadDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
