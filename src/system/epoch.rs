//! Times in outputs. They come from `SOURCE_DATE_EPOCH` or from the input, never from the clock; only a signature has the time
//! at which it was made.

use std::env;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// A time in whole seconds since 1970-01-01 00:00:00 UTC, which is the default, at the latest in the year 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Epoch(u32);

/// Why a number is not a time.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum EpochError {
    #[error("the environment variable SOURCE_DATE_EPOCH is `{0}`, which is not a whole number of seconds since 1970")]
    #[diagnostic(help(
        "unset it, or set it to what `date +%s` prints (https://reproducible-builds.org/specs/source-date-epoch/)"
    ))]
    BadVariable(String),
    #[error("{0} seconds since 1970 is out of range: it is outside the years 1970 to 2106")]
    #[diagnostic(help("correct SOURCE_DATE_EPOCH or the date in the changelog: ext4 and gzip store 32 bits"))]
    OutOfRange(String),
}

impl Epoch {
    /// The time in `SOURCE_DATE_EPOCH`; `None` if the variable is not set, or is empty.
    ///
    /// # Errors
    /// When it is not a whole number of seconds, or too large.
    pub fn from_environment() -> Result<Option<Self>, EpochError> {
        match env::var_os("SOURCE_DATE_EPOCH") {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => Self::from_text(&value.to_string_lossy()).map(Some),
        }
    }

    /// Reads the variable's value. The specification allows decimal digits only.
    fn from_text(text: &str) -> Result<Self, EpochError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EpochError::BadVariable(text.escape_debug().to_string()));
        }
        text.parse().map(Self).map_err(|_| EpochError::OutOfRange(text.to_owned()))
    }

    /// The time of this machine's clock. It decides whether a file has expired, and is the date of a signature: apt and gpgv
    /// compare that with their own clock. No other output has it.
    pub fn now() -> Self {
        Self(u32::try_from(Timestamp::now().as_second()).unwrap_or(0))
    }

    /// Makes a time from the number of seconds since 1970.
    ///
    /// # Errors
    /// When it is before 1970 or after 2106, because ext4 and gzip store 32 bits.
    pub fn from_seconds(seconds: i64) -> Result<Self, EpochError> {
        u32::try_from(seconds).map(Self).map_err(|_| EpochError::OutOfRange(seconds.to_string()))
    }

    /// The number of seconds since 1970-01-01 00:00:00 UTC.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The format of changelogs: `Mon, 23 Nov 2026 10:00:00 +0000` (RFC 5322, Debian Policy 4.4).
    pub fn to_rfc5322(self) -> String {
        let zoned = self.timestamp().to_zoned(TimeZone::UTC);
        rfc2822::DateTimePrinter::new().zoned_to_string(&zoned).unwrap_or_default()
    }

    /// The day in UTC.
    pub fn day(self) -> Date {
        self.timestamp().to_zoned(TimeZone::UTC).date()
    }

    /// The format in JSON: `2026-11-23T10:00:00Z` (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        self.timestamp().to_string()
    }

    /// For libraries that take the type of the standard library.
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
    fn a_time_has_the_format_of_gnu_date() {
        // GNU date prints both: `date -u -R -d @1795428000`, `date -u --iso-8601=seconds -d @1795428000`.
        let epoch = Epoch::from_seconds(1_795_428_000).unwrap();
        assert_eq!(epoch.to_rfc5322(), "Mon, 23 Nov 2026 10:00:00 +0000");
        assert_eq!(epoch.to_rfc3339(), "2026-11-23T10:00:00Z");
        assert!(Epoch::from_seconds(-1).is_err());
    }

    #[test]
    fn a_number_that_does_not_fit_is_another_mistake_than_a_word() {
        assert_eq!(Epoch::from_text("4294967295").unwrap().seconds(), u32::MAX);
        for text in ["4294967296", "-1", "99999999999999999999999"] {
            assert!(matches!(Epoch::from_text(text), Err(EpochError::OutOfRange(_))), "{text}");
        }
        for text in ["x", "1.5", "+1", " 1", "-", "0x10"] {
            assert!(matches!(Epoch::from_text(text), Err(EpochError::BadVariable(_))), "{text}");
        }
    }
}
