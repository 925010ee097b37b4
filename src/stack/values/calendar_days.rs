//! The days of a calendar event (systemd.time(7)): from the numbers in its date and its days of the week, the last day that
//! there is.

use jiff::civil::Date;

/// The years that systemd knows.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// A number, or a row of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    first: u32,
    last: u32,
    step: u32,
}

impl Span {
    pub(super) fn one(number: u32) -> Self {
        Self::range(number, number)
    }

    pub(super) fn range(first: u32, last: u32) -> Self {
        Self { first, last, step: 1 }
    }

    /// `first`, `first..last`, `first/step` or `first..last/step`: with a step and no last number, it goes on to the end.
    pub(super) fn new(first: u32, last: Option<u32>, step: Option<u32>) -> Self {
        let end = if step.is_some() { u32::MAX } else { first };
        Self { first, last: last.unwrap_or(end), step: step.unwrap_or(1) }
    }

    fn has(self, number: u32) -> bool {
        let distance = number.checked_sub(self.first).and_then(|distance| distance.checked_rem(self.step));
        distance == Some(0) && number <= self.last
    }

    /// The same counted from the start of a month, where it is counted from its last day, which is 1. A row begins with the
    /// earlier day, and without a last number it goes on to the end of the month. `None`: the month is too short.
    fn counted_from_start(self, length: u32) -> Option<Self> {
        let day = |from_end: u32| length.checked_add(1)?.checked_sub(from_end).filter(|day| *day > 0);
        let Self { first, last, step } = self;
        match last {
            u32::MAX => Some(Self { first: day(first)?, last, step }),
            _ => Some(Self { first: day(last)?, last: day(first)?, step }),
        }
    }
}

/// What an event says of its days. Where it says nothing (`*`), a list is empty.
#[derive(Debug, Default)]
pub(super) struct Days {
    pub(super) years: Vec<Span>,
    pub(super) months: Vec<Span>,
    pub(super) days: Vec<Span>,
    /// Whether `days` are counted from the end of the month.
    pub(super) from_end: bool,
    /// From Monday, which is 1, to Sunday.
    pub(super) weekdays: Vec<Span>,
}

impl Days {
    /// `None` when there is no such day from 1970 to 2199.
    pub(super) fn last(&self) -> Option<Date> {
        let years = YEARS.rev().filter(|year| allows(&self.years, u32::try_from(*year).ok()));
        let months = years.flat_map(|year| (1..=12).rev().map(move |month| (year, month)));
        let months = months.filter(|(_, month)| allows(&self.months, u32::try_from(*month).ok()));
        months.filter_map(|(year, month)| Date::new(year, month, 1).ok()).find_map(|first| self.last_of_month(first))
    }

    fn last_of_month(&self, first: Date) -> Option<Date> {
        let length = u32::try_from(first.days_in_month()).ok()?;
        let days: Vec<Span> = match self.from_end {
            true => self.days.iter().filter_map(|span| span.counted_from_start(length)).collect(),
            false => self.days.clone(),
        };
        if days.is_empty() && !self.days.is_empty() {
            return None;
        }
        let all = (1..=first.days_in_month()).rev().filter_map(|day| Date::new(first.year(), first.month(), day).ok());
        let mut fitting = all.filter(|date| {
            allows(&days, u32::try_from(date.day()).ok())
                && allows(&self.weekdays, u32::try_from(date.weekday().to_monday_one_offset()).ok())
        });
        fitting.next()
    }
}

fn allows(spans: &[Span], number: Option<u32>) -> bool {
    spans.is_empty() || number.is_some_and(|number| spans.iter().any(|span| span.has(number)))
}
