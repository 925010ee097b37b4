//! Checks calendar events as systemd.time(7) writes them: `daily`, `Mon..Fri 08:00`, `*-*-01 04:00:00 Europe/Berlin`. A
//! text comes in; the same text goes out, or what is wrong with it. The unit test asks systemd-analyze as well.

use std::ops::RangeInclusive;

use miette::Diagnostic;

/// Words that stand for a whole event.
const WORDS: &[&str] = &[
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "semiannually",
    "semi-annually",
    "biannually",
    "bi-annually",
    "yearly",
    "annually",
];

const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Why a text is not valid as a calendar event.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{text}` is not a time for a timer: {why}")]
#[diagnostic(help(
    "write it as in systemd.time(7): \"hourly\", \"daily\", \"*:0/15\" for every 15 minutes, \"Mon..Fri 08:00\", \"*-*-01 04:30\""
))]
pub struct CalendarError {
    text: String,
    why: String,
}

/// Checks a calendar event, and returns the same text.
///
/// # Errors
/// When systemd would not read it.
pub fn calendar(text: &str) -> Result<String, CalendarError> {
    match check(text.trim()) {
        Ok(()) => Ok(text.trim().to_owned()),
        Err(why) => Err(CalendarError { text: text.escape_debug().to_string(), why }),
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.chars().any(|c| !c.is_ascii() || c.is_ascii_control()) {
        return Err("it has a character that has no meaning there".to_owned());
    }
    let mut parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| is_zone(last)) {
        parts.pop();
    }
    let mut rest = parts.as_slice();
    if let [only] = rest
        && WORDS.contains(&only.to_lowercase().as_str())
    {
        return Ok(());
    }
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    for step in [weekdays, date, time] {
        if let Some((first, others)) = rest.split_first()
            && step(first)?
        {
            rest = others;
        }
    }
    match rest.first() {
        None => Ok(()),
        Some(part) => Err(format!("`{part}` is neither a day of the week, a date, a time nor a time zone there")),
    }
}

/// `UTC`, or a name of the time zone database with a `/`: `Europe/Berlin`.
fn is_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
    };
    text.eq_ignore_ascii_case("utc") || (text.contains('/') && text.split('/').all(is_part))
}

/// Whether a part is a list of days of the week: `Mon`, `Mon..Fri`, `Sat,Sun`.
fn weekdays(part: &str) -> Result<bool, String> {
    if !part.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(false);
    }
    let is_day = |word: &str| {
        let word = word.to_lowercase();
        WEEKDAYS.iter().any(|day| *day == word || day.get(..3) == Some(word.as_str()))
    };
    for item in part.split(',') {
        let ends: Vec<&str> = item.split("..").collect();
        if let Some(wrong) = ends.iter().find(|end| !is_day(end)) {
            return Err(format!("`{wrong}` is not a day of the week"));
        }
        if ends.len() > 2 {
            return Err(format!("`{item}` is not a range of two days"));
        }
    }
    Ok(true)
}

/// Whether a part is a date: `2026-12-24`, `*-*-01`, `12-24`, `*-02~01`.
fn date(part: &str) -> Result<bool, String> {
    if part.contains(':') {
        return Ok(false);
    }
    let (month, day, days) = match part.split_once('~') {
        Some((month, day)) => (month, day, 1..=28),
        None => match part.rsplit_once('-') {
            Some((month, day)) => (month, day, 1..=31),
            None => return Err(format!("`{part}` is neither a word for a time nor a date nor a time")),
        },
    };
    let month = match month.rsplit_once('-') {
        Some((year, month)) => component(year, "year", 1970..=2199).map(|()| month)?,
        None => month,
    };
    component(month, "month", 1..=12)?;
    component(day, "day", days)?;
    Ok(true)
}

/// Whether a part is a time: `08:00`, `*:0/15`, `04:30:10`.
fn time(part: &str) -> Result<bool, String> {
    let Some((hour, rest)) = part.split_once(':') else { return Ok(false) };
    component(hour, "hour", 0..=23)?;
    let (minute, second) = rest.split_once(':').map_or((rest, None), |(minute, second)| (minute, Some(second)));
    component(minute, "minute", 0..=59)?;
    if let Some(second) = second {
        component(second, "second", 0..=59)?;
    }
    Ok(true)
}

/// Checks one number of a date or time: `*`, or a list of numbers and ranges, each with `/` and a step if it repeats.
fn component(text: &str, what: &str, range: RangeInclusive<u32>) -> Result<(), String> {
    if text == "*" {
        return Ok(());
    }
    let number = |text: &str| {
        let number: Option<u32> = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        number.ok_or_else(|| format!("`{text}` is not a number for the {what}"))
    };
    for item in text.split(',') {
        let (value, step) = item.split_once('/').map_or((item, None), |(value, step)| (value, Some(step)));
        let (first, last) = value.split_once("..").map_or((value, None), |(first, last)| (first, Some(last)));
        let (first, last) = (number(first)?, last.map(number).transpose()?);
        let step = step.map(number).transpose()?;
        let end = last.unwrap_or(*range.end());
        let fits = range.contains(&first) && range.contains(&end) && first <= end;
        if !fits || step.is_some_and(|step| step == 0 || first.saturating_add(step) > end) {
            let (least, most) = (range.start(), range.end());
            return Err(format!("`{item}` does not fit for the {what}, which is from {least} to {most}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn systemd_agrees() {
        let good = [
            "daily",
            "Hourly",
            "semi-annually",
            "*-*-*",
            "*-*-01 04:30",
            "Mon..Fri 08:00",
            "sat,Sunday",
            "Mon..Wed,Fri *-*-* 10:00:30",
            "*:0/15",
            "*:*:*",
            "12-24",
            "2026..2028-01,07-01",
            "*-02~03",
            "00/2:10",
            "8..18/2:00",
            "daily UTC",
            "Mon 04:00 Europe/Berlin",
            "*-*-1..7 18:00:00 utc",
        ];
        let bad = [
            "",
            "sometimes",
            "every day",
            "25:00",
            "12:60",
            "*-13-01",
            "*-00-01",
            "*:0/60",
            "*:0/0",
            "*/5:00",
            "Mon.Fri",
            "Moonday",
            "08:00 Mon",
            "*-*-32",
            "daily\nExecStart=x",
            "8",
            "*",
            "Mon..Fri..Sun",
            "9..8:00",
            "x:00",
            "+1:00",
            "*-*-* *-*-*",
            "1:2:3:4",
        ];
        let texts = good.iter().map(|text| (*text, true)).chain(bad.iter().map(|text| (*text, false)));
        for (text, expected) in texts {
            assert_eq!(calendar(text).is_ok(), expected, "{text:?}");
            let theirs = Command::new("systemd-analyze").args(["calendar", "--", text]).output();
            let Ok(theirs) = theirs else { continue };
            assert_eq!(theirs.status.success(), expected, "systemd-analyze: {text:?}");
        }
    }
}
