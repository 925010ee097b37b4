//! Times in the time zone of the machine: seconds since 1970 → the formats of the log, the state file and the report.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in the machine's time zone, to the second.
#[derive(Debug, Clone, Copy)]
pub struct LocalTime {
    /// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
    seconds: i64,
    year: i64,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
    /// The offset from UTC in seconds. It is positive east of Greenwich.
    offset: i64,
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
        let tm = unsafe {
            let mut tm: libc::tm = std::mem::zeroed();
            libc::localtime_r(&raw const seconds, &raw mut tm);
            tm
        };
        Self {
            seconds,
            year: i64::from(tm.tm_year).saturating_add(1900),
            month: tm.tm_mon.saturating_add(1),
            day: tm.tm_mday,
            hour: tm.tm_hour,
            minute: tm.tm_min,
            second: tm.tm_sec,
            offset: tm.tm_gmtoff,
        }
    }

    /// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The offset from UTC in seconds. It is positive east of Greenwich.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// The date alone, as `2026-11-23`.
    pub fn date(&self) -> String {
        let Self { year, month, day, .. } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Month and day, as `11-23`.
    pub fn day(&self) -> String {
        format!("{:02}-{:02}", self.month, self.day)
    }

    /// Hour and minute, as `10:00`.
    pub fn minute(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// Date and time without the zone, as `2026-11-23 10:00:00`.
    pub fn for_people(&self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// Date and time with the zone, as `2026-11-23T10:00:00+01:00` (RFC 3339).
    pub fn rfc3339(&self) -> String {
        let Self { year, month, day, hour, minute, second, offset, .. } = self;
        let (sign, minutes) = (if *offset < 0 { '-' } else { '+' }, offset.abs() / 60);
        let (east_hours, east_minutes) = (minutes / 60, minutes % 60);
        format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{east_hours:02}:{east_minutes:02}"
        )
    }
}
