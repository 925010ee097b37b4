//! Checks calendar events as systemd.time(7) writes them: `daily`, `Mon..Fri 08:00`, `*-*-01 04:00:00 Europe/Berlin`. It
//! reads a text and returns the same text, or what is wrong with it. The unit test asks systemd-analyze as well.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use miette::Diagnostic;

use super::calendar_days::{Days, Span};

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

/// Checks a calendar event of a package whose newest version is of the day `newest`, and returns the same text.
///
/// # Errors
/// When systemd would not read it, or would never start the timer.
pub fn calendar(text: &str, newest: Option<Date>) -> Result<String, CalendarError> {
    let checked = read(text.trim()).and_then(|days| match days.last() {
        None => Err("there is no such day in any year from 1970 to 2199".to_owned()),
        Some(last) => match newest {
            // By two days, a time zone makes no difference.
            Some(newest) if last.tomorrow().is_ok_and(|next| next < newest) => {
                Err(format!("its last day is {last}, and the newest version in the changelog is of {newest}"))
            }
            _ => Ok(()),
        },
    });
    match checked {
        Ok(()) => Ok(text.trim().to_owned()),
        Err(why) => Err(CalendarError { text: text.escape_debug().to_string(), why }),
    }
}

/// The days of an event; an error says what systemd would not read.
fn read(text: &str) -> Result<Days, String> {
    let mut days = Days::default();
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
        return Ok(days);
    }
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    for step in [weekdays, date, time] {
        if let Some((first, others)) = rest.split_first()
            && step(first, &mut days)?
        {
            rest = others;
        }
    }
    match rest.first() {
        None => Ok(days),
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

/// Reads a list of days of the week: `Mon`, `Mon..Fri`, `Sat,Sun`. False when the part is something else.
fn weekdays(part: &str, days: &mut Days) -> Result<bool, String> {
    if !part.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(false);
    }
    let number = |word: &str| {
        let lower = word.to_lowercase();
        let found = (1..).zip(WEEKDAYS).find(|(_, day)| **day == lower || day.get(..3) == Some(lower.as_str()));
        found.map(|(number, _)| number).ok_or_else(|| format!("`{word}` is not a day of the week"))
    };
    for item in part.split(',') {
        let ends = item.split("..").map(number).collect::<Result<Vec<u32>, String>>()?;
        match *ends.as_slice() {
            [only] => days.weekdays.push(Span::one(only)),
            [first, last] if first > last => {
                return Err(format!("`{item}` is not a range of days in one week, which begins on Monday"));
            }
            [first, last] => days.weekdays.push(Span::range(first, last)),
            _ => return Err(format!("`{item}` is not a range of two days")),
        }
    }
    Ok(true)
}

/// Reads a date: `2026-12-24`, `*-*-01`, `12-24`, `*-02~01`. False when the part is something else.
fn date(part: &str, days: &mut Days) -> Result<bool, String> {
    if part.contains(':') {
        return Ok(false);
    }
    let (month, day, range) = match part.split_once('~') {
        Some((month, day)) => (month, day, 1..=28),
        None => match part.rsplit_once('-') {
            Some((month, day)) => (month, day, 1..=31),
            None => return Err(format!("`{part}` is neither a word for a time nor a date nor a time")),
        },
    };
    let month = match month.rsplit_once('-') {
        Some((year, month)) => {
            days.years = component(year, "year", 1970..=2199)?;
            month
        }
        None => month,
    };
    days.months = component(month, "month", 1..=12)?;
    days.days = component(day, "day", range)?;
    days.from_end = part.contains('~');
    Ok(true)
}

/// Reads a time, of which no day has less than all: `08:00`, `*:0/15`, `04:30:10`. False when the part is something else.
fn time(part: &str, _: &mut Days) -> Result<bool, String> {
    let Some((hour, rest)) = part.split_once(':') else { return Ok(false) };
    component(hour, "hour", 0..=23)?;
    let (minute, second) = rest.split_once(':').map_or((rest, None), |(minute, second)| (minute, Some(second)));
    component(minute, "minute", 0..=59)?;
    if let Some(second) = second {
        component(second, "second", 0..=59)?;
    }
    Ok(true)
}

/// Reads one number of a date or time: `*` (an empty list), or a list of numbers and ranges, each with `/` and a step if it
/// repeats.
fn component(text: &str, what: &str, range: RangeInclusive<u32>) -> Result<Vec<Span>, String> {
    if text == "*" {
        return Ok(Vec::new());
    }
    let number = |text: &str| {
        let number: Option<u32> = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        number.ok_or_else(|| format!("`{text}` is not a number for the {what}"))
    };
    let span = |item: &str| {
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
        Ok(Span::new(first, last, step))
    };
    text.split(',').map(span).collect()
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
            assert_eq!(calendar(text, None).is_ok(), expected, "{text:?}");
            let theirs = Command::new("systemd-analyze").args(["calendar", "--", text]).output();
            let Ok(theirs) = theirs else { continue };
            assert_eq!(theirs.status.success(), expected, "systemd-analyze: {text:?}");
        }
    }

    /// `systemd-analyze calendar` says when the next time is, from a day on, or that it never comes.
    #[test]
    fn a_day_that_never_comes_is_refused_as_systemd_says() {
        let texts = [
            "*-02-30",
            "02-30 12:00",
            "*-02-29",
            "*-04,06,9,11-31",
            "*-04,05-31",
            "*-02-28..31",
            "*-2/2-31",
            "2026..2027-02-29",
            "2026..2028-02-29",
            "2100-02-29",
            "Mon 2027-01-01",
            "Fri 2027-01-01",
            "Sat..Mon 2027-01-01",
            "Fri..Mon 2027-01-01",
            "Mon *-02-30",
            "Thu *-02-29",
            "Mon *-05~07/1",
            "Mon 2027-01~01",
            "Sun 2027-01~01",
            "Sun 2027-01~02..03",
            "Sat 2027-01~02..03",
            "Sun 2027-01~01..03",
            "Thu 2027-01~04/2",
            "Fri 2027-01~04/2",
            "Wed 2027-02-01/9",
            "Thu 2027-02-01/9",
            "2025-01-01",
            "2026-12-24",
            "Mon 1999..2026-11-*",
            "2030/10-*-*",
            "*-*-* 04:30 UTC",
        ];
        let newest = jiff::civil::date(2026, 11, 27);
        let mut never = 0;
        for text in texts {
            let command = ["calendar", "--base-time=2026-11-27 00:00:00 UTC", "--", text];
            let theirs = Command::new("systemd-analyze").args(command).env("TZ", "UTC").output();
            let Ok(theirs) = theirs else { return };
            let said = String::from_utf8(theirs.stdout).unwrap();
            let comes = said.contains("Next elapse: ") && !said.contains("Next elapse: never");
            never += usize::from(!comes);
            assert_eq!(calendar(text, Some(newest)).is_ok(), comes, "{text:?}: {said}");
        }
        assert!((10..25).contains(&never), "systemd-analyze says that {never} of them never come");
    }
}
