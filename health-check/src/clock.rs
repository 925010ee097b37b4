//! Times in the time zone of the machine: seconds since 1970 → the formats of the log, the state file and the report.

use std::ffi::CStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// A time in the machine's time zone, to the second.
#[derive(Debug, Clone, Copy)]
pub struct LocalTime {
    /// Since 1970-01-01 00:00:00 UTC, without leap seconds.
    pub seconds: i64,
    parts: libc::tm,
}

impl LocalTime {
    /// The time of the clock.
    pub fn now() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
        Self::at(seconds as libc::time_t)
    }

    /// Converts seconds since 1970 to the time zone of `TZ` or /etc/localtime (tzset(3)).
    pub fn at(seconds: libc::time_t) -> Self {
        // SAFETY: a `tm` of zeros is valid. Both pointers are valid during the call, and localtime_r keeps neither.
        let parts = unsafe {
            let mut parts: libc::tm = std::mem::zeroed();
            libc::localtime_r(&raw const seconds, &raw mut parts);
            parts
        };
        Self { seconds, parts }
    }

    /// The offset from UTC in seconds. It is positive east of Greenwich.
    pub fn offset(&self) -> i64 {
        self.parts.tm_gmtoff
    }

    /// The time in a format of strftime(3). The result is empty if it has more than 63 bytes.
    pub fn format(&self, format: &CStr) -> String {
        let mut text = [0; 64];
        // SAFETY: all pointers are valid during the call, which writes no more than the given number of bytes and keeps
        // none of them.
        let length =
            unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const self.parts) };
        String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned()
    }

    /// Date and time with the zone, as `2026-11-23T10:00:00+01:00` (RFC 3339).
    pub fn rfc3339(&self) -> String {
        let mut text = self.format(c"%FT%T%z");
        text.insert(text.len().saturating_sub(2), ':');
        text
    }
}
