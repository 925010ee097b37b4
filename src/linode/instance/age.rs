//! How old an instance is, in words. The API gives the time in which it was made as ISO 8601 in UTC, without a zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The units in which an age is shown, with their lengths in seconds.
const UNITS: [(&str, i64); 3] = [("day", 86_400), ("hour", 3_600), ("minute", 60)];

/// The age of what was made at `created`, such as "made 3 days ago".
pub(super) fn age(created: Option<&str>, now: Timestamp) -> String {
    let parse = |text: &str| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let Some(made) = created.and_then(parse) else { return "of an age that Linode does not tell".to_owned() };
    let seconds = now.as_second().saturating_sub(made.timestamp().as_second());
    for (unit, length) in UNITS {
        match seconds.checked_div(length) {
            Some(1) => return format!("made 1 {unit} ago"),
            Some(count) if count > 1 => return format!("made {count} {unit}s ago"),
            _ => {}
        }
    }
    "made just now".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_largest_unit() {
        let now: Timestamp = "2026-11-26T04:00:00Z".parse().unwrap();
        for (created, expected) in [
            ("2026-11-23T04:00:00", "made 3 days ago"),
            ("2026-11-25T03:59:59", "made 1 day ago"),
            ("2026-11-26T02:00:00", "made 2 hours ago"),
            ("2026-11-26T03:58:30", "made 1 minute ago"),
            ("2026-11-26T03:59:30", "made just now"),
            ("2026-11-26T05:00:00", "made just now"),
        ] {
            assert_eq!(age(Some(created), now), expected, "{created}");
        }
        assert_eq!(age(Some("yesterday"), now), "of an age that Linode does not tell");
        assert_eq!(age(None, now), "of an age that Linode does not tell");
    }
}
