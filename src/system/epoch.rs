//! What time is it? The only answer that reaches an output: `SOURCE_DATE_EPOCH`, or a time that the input names.

use std::env;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// A point in time in whole seconds since 1970-01-01 00:00:00 UTC, never before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u32);

/// Why there is no such time.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum EpochError {
    /// `SOURCE_DATE_EPOCH` is not a number of seconds.
    #[error("the environment variable SOURCE_DATE_EPOCH is `{0}`, which is not a whole number of seconds since 1970")]
    #[diagnostic(help(
        "unset it, or set it to what `date +%s` prints (https://reproducible-builds.org/specs/source-date-epoch/)"
    ))]
    BadVariable(String),
    /// Before 1970 or after 2106.
    #[error("{0} seconds since 1970 is outside the years 1970 to 2106")]
    #[diagnostic(help("correct SOURCE_DATE_EPOCH, or the date it comes from: file systems hold no other years"))]
    OutOfRange(i64),
}

impl Epoch {
    /// What `SOURCE_DATE_EPOCH` says, if it is set and not empty.
    ///
    /// # Errors
    /// When it is set to something else than a number of seconds.
    pub fn from_environment() -> Result<Option<Self>, EpochError> {
        match env::var_os("SOURCE_DATE_EPOCH") {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => {
                let text = value.to_string_lossy().into_owned();
                text.parse().map(|seconds| Some(Self(seconds))).map_err(|_| EpochError::BadVariable(text))
            }
        }
    }

    /// What this machine's clock says: to judge whether others' dates are over, never for an output.
    pub fn now() -> Self {
        Self(u32::try_from(Timestamp::now().as_second()).unwrap_or(0))
    }

    /// That many seconds after 1970 began, UTC.
    ///
    /// # Errors
    /// When it lies before 1970 or after 2106: ext4 and gzip store 32 bits.
    pub fn from_seconds(seconds: i64) -> Result<Self, EpochError> {
        u32::try_from(seconds).map(Self).map_err(|_| EpochError::OutOfRange(seconds))
    }

    /// Whole seconds since 1970, UTC.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// As in a changelog's trailer: `Mon, 23 Nov 2026 10:00:00 +0000` (RFC 5322, Debian Policy 4.4).
    pub fn to_rfc5322(self) -> String {
        let zoned = self.timestamp().to_zoned(TimeZone::UTC);
        rfc2822::DateTimePrinter::new().zoned_to_string(&zoned).unwrap_or_default()
    }

    /// As in JSON: `2026-11-23T10:00:00Z` (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        self.timestamp().to_string()
    }

    /// Converts it for libraries that take the standard library's type.
    pub fn to_system_time(self) -> SystemTime {
        self.timestamp().into()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::new(i64::from(self.0), 0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_date_writes_it() {
        // Both as GNU date prints them: `date -u -R -d @1795428000`, `date -u --iso-8601=seconds -d @1795428000`.
        let epoch = Epoch::from_seconds(1_795_428_000).unwrap();
        assert_eq!(epoch.to_rfc5322(), "Mon, 23 Nov 2026 10:00:00 +0000");
        assert_eq!(epoch.to_rfc3339(), "2026-11-23T10:00:00Z");
        assert!(Epoch::from_seconds(-1).is_err());
    }
}
