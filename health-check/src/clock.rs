//! Times in the time zone of the machine: seconds since 1970 → the formats of the log, the state file and the report.
//! Leap seconds are not counted.

use std::ffi::CStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of the clock, in seconds since 1970-01-01 00:00:00 UTC.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs() as i64)
}

/// Converts seconds since 1970 to the time zone of `TZ` or /etc/localtime (tzset(3)).
fn local(seconds: i64) -> libc::tm {
    // SAFETY: a `tm` of zeros is valid. Both pointers are valid during the call, and localtime_r keeps neither.
    unsafe {
        let mut local: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut local);
        local
    }
}

/// The offset from UTC at a time, in seconds. It is positive east of Greenwich.
pub fn offset(seconds: i64) -> i64 {
    local(seconds).tm_gmtoff
}

/// A time in a format of strftime(3). The result is empty if it has more than 63 bytes.
pub fn format(seconds: i64, format: &CStr) -> String {
    let (local, mut text) = (local(seconds), [0; 64]);
    // SAFETY: all pointers are valid during the call, which writes no more than the given number of bytes and keeps
    // none of them.
    let length = unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const local) };
    String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned()
}

/// Date and time with the zone, as `2026-11-23T10:00:00+01:00` (RFC 3339).
pub fn rfc3339(seconds: i64) -> String {
    let mut text = format(seconds, c"%FT%T%z");
    text.insert(text.len().saturating_sub(2), ':');
    text
}
