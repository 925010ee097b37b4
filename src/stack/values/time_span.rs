//! Checks time spans as systemd.time(7) writes them: `2min`, `1h 30min`, `90`.

use miette::Diagnostic;

/// systemd's units, each with its length in seconds.
const UNITS: &[(&[&str], f64)] = &[
    (&["seconds", "second", "sec", "s"], 1.0),
    (&["minutes", "minute", "min", "m"], 60.0),
    (&["hours", "hour", "hr", "h"], 3600.0),
    (&["days", "day", "d"], 86_400.0),
    (&["weeks", "week", "w"], 604_800.0),
    (&["months", "month", "M"], 2_629_800.0),
    (&["years", "year", "y"], 31_557_600.0),
    (&["msec", "ms"], 1e-3),
    (&["usec", "us", "µs", "μs"], 1e-6),
];

/// The shortest and the longest span for a health check, in seconds.
const RANGE: std::ops::RangeInclusive<f64> = 1.0..=31_557_600.0;

/// Why a text is not a valid time span.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum TimeSpanError {
    #[error("`{text}` is not a time span: {why}")]
    #[diagnostic(help("write numbers with units as in systemd.time(7): \"30s\", \"10min\", \"1h 30min\""))]
    Syntax { text: String, why: String },
    #[error("`{0}` is not between a second and a year")]
    #[diagnostic(help("a few minutes are usual: \"10min\""))]
    OutOfRange(String),
}

/// Checks a time span, and returns the same text.
pub fn time_span(text: &str) -> Result<String, TimeSpanError> {
    let wrong = |why: String| TimeSpanError::Syntax { text: text.escape_debug().to_string(), why };
    let (mut rest, mut seconds, mut bare) = (text.trim(), 0.0, false);
    if rest.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    while !rest.is_empty() {
        let (number, after) = split_at_first(rest, |c| !c.is_ascii_digit() && c != '.');
        if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
            return Err(wrong(format!("a number was expected at `{}`", rest.escape_debug())));
        }
        let number: f64 = number.parse().map_err(|_| wrong(format!("`{number}` is not a number")))?;
        let (unit, after) =
            split_at_first(after.trim_start_matches(' '), |c| c.is_ascii_digit() || c == ' ' || c == '.');
        let factor = match UNITS.iter().find(|(names, _)| names.contains(&unit)) {
            Some((_, factor)) => *factor,
            None if unit.is_empty() => {
                bare = true;
                1.0
            }
            None => return Err(wrong(format!("there is no unit `{}`", unit.escape_debug()))),
        };
        seconds += number * factor;
        rest = after.trim_start_matches(' ');
        if bare && !rest.is_empty() {
            return Err(wrong("a number has no unit".to_owned()));
        }
    }
    match RANGE.contains(&seconds) {
        true => Ok(text.trim().to_owned()),
        false => Err(TimeSpanError::OutOfRange(text.to_owned())),
    }
}

fn split_at_first(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn systemd_agrees() {
        let good =
            ["2min", "10min", "90", "1h 30min", "1h30min", "1.5h", "2 days", "3w", "1M", "1500ms", "1y", "5 min 3 s"];
        let bad =
            ["", "soon", "-5min", "5parsecs", "1h;", "10min\nExecStart=x", "min", "1..5s", "%h", "5 mins", "1,5h"];
        let texts = good.iter().map(|text| (*text, true)).chain(bad.iter().map(|text| (*text, false)));
        for (text, expected) in texts {
            assert_eq!(time_span(text).is_ok(), expected, "{text:?}");
            let Ok(theirs) = Command::new("systemd-analyze").args(["timespan", "--", text]).output() else { continue };
            assert_eq!(theirs.status.success(), expected, "systemd-analyze: {text:?}");
        }
        for odd in ["0", "0s", "infinity", "2y", "1ms"] {
            assert!(time_span(odd).is_err(), "{odd}");
        }
    }
}
