//! The time axis of the plots: samples → the time span that they cover, the groups and outages in it, and
//! their places in the picture.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "all times are between 0 and the present: `Sample::parse` and `page` leave other samples out"
)]

use crate::clock;
use crate::history::Sample;

/// The width of the picture, in its own units.
pub const WIDTH: i64 = 960;
/// The left edge of the plot. The labels of the values are left of it.
pub const LEFT: i64 = 52;
/// The width of the plot itself.
const INNER: i64 = 880;
/// The right edge of the plot.
pub const RIGHT: i64 = LEFT + INNER;
/// The largest number of groups of samples. Each group has a tooltip and is wide enough to point at.
const GROUPS: usize = 150;
/// The possible steps between two labels, in seconds.
const STEPS: [i64; 14] =
    [60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 90 * DAY];
/// How long a day is, in seconds.
const DAY: i64 = 86_400;
/// The largest number of labels.
const LABELS: i64 = 8;

/// The time span of a report, and its place in the picture.
pub struct TimeAxis {
    from: i64,
    to: i64,
    /// The longest usual time between two checks, in seconds. After a longer one, checks are missing.
    longest_pause: i64,
    /// The offset from UTC at the end of the axis, in seconds. It decides where days begin.
    offset: i64,
}

/// A time in which all checks found a problem.
pub struct Outage<'a> {
    /// The time of the first of these checks, in seconds since 1970.
    pub from: i64,
    /// The time of the first healthy check after them. `None` while the checks still fail.
    pub until: Option<i64>,
    /// The problem of the first check.
    pub words: &'a str,
}

impl TimeAxis {
    /// Makes the axis for samples, which are sorted by time.
    pub fn of(samples: &[&Sample]) -> Self {
        let time = |sample: Option<&&Sample>| sample.map_or(0, |sample| sample.time);
        let (first, to) = (time(samples.first()), time(samples.last()));
        let mut pauses: Vec<i64> = samples.windows(2).map(|pair| time(pair.last()) - time(pair.first())).collect();
        pauses.sort_unstable();
        // Three times the usual time: a check may be late, and one may be missing.
        let longest_pause = 3 * pauses.get(pauses.len() / 2).copied().unwrap_or(0).max(20);
        Self { from: first.min(to - 60), to, longest_pause, offset: clock::offset(to) }
    }

    /// The place of a time, in tenths of a unit from the left edge of the plot.
    pub fn tenths(&self, time: i64) -> i64 {
        (time - self.from) * INNER * 10 / (self.to - self.from)
    }

    /// The place of a time, in units from the left edge of the picture.
    pub fn x(&self, time: i64) -> i64 {
        LEFT + self.tenths(time) / 10
    }

    /// The labels below the plots: their places and texts.
    pub fn labels(&self) -> Vec<(i64, String)> {
        let fits = |step: &&i64| (self.to - self.from) / **step < LABELS;
        let step = STEPS.iter().find(fits).copied().unwrap_or((self.to - self.from) / LABELS);
        let first = (self.from + self.offset).div_euclid(step) * step + step - self.offset;
        let times = std::iter::successors(Some(first), |time| Some(time + step)).take_while(|time| *time <= self.to);
        let label = |time: i64| {
            let format = if (time + self.offset) % DAY == 0 { c"%m-%d" } else { c"%H:%M" };
            (self.x(time), clock::format(time, format))
        };
        times.map(label).collect()
    }

    /// The number of the day of a time, in the machine's time zone.
    pub fn day(&self, time: i64) -> i64 {
        (time + self.offset).div_euclid(DAY)
    }

    /// The length of an outage in minutes, the last of which need not be a whole one.
    pub fn minutes(&self, outage: &Outage<'_>) -> i64 {
        (outage.until.unwrap_or(self.to) - outage.from + 59) / 60
    }

    /// Whether no check is missing between two that follow one another.
    pub fn are_neighbours(&self, a: &Sample, b: &Sample) -> bool {
        b.time - a.time <= self.longest_pause
    }

    /// The groups of samples: left edge, width, times as text, members.
    pub fn groups<'a>(&self, samples: &'a [&'a Sample]) -> Vec<(i64, i64, String, &'a [&'a Sample])> {
        let size = samples.len().div_ceil(GROUPS).max(1);
        let mut left = LEFT;
        let group = |(number, members): (usize, &'a [&'a Sample])| {
            let (first, last) = (members.first()?.time, members.last()?.time);
            let next = samples.get((number + 1) * size).map_or(self.to, |next| next.time);
            let right = self.x(last + (next - last) / 2);
            let when = if size == 1 { in_words(first) } else { format!("{} to {}", in_words(first), in_words(last)) };
            let width = (right - left).max(1);
            Some((std::mem::replace(&mut left, right), width, when, members))
        };
        samples.chunks(size).enumerate().filter_map(group).collect()
    }

    /// The times with checks: left edge and width.
    pub fn checked(&self, samples: &[&Sample]) -> Vec<(i64, i64)> {
        let stretches = samples.chunk_by(|a, b| self.are_neighbours(a, b));
        let ends = stretches.filter_map(|stretch| Some((self.x(stretch.first()?.time), self.x(stretch.last()?.time))));
        ends.map(|(left, right)| (left, (right - left).max(1))).collect()
    }

    /// The stripes of the outages: left edge and width. Stripes that would touch are joined.
    pub fn stripes(&self, outages: &[Outage<'_>]) -> Vec<(i64, i64)> {
        let mut stripes: Vec<(i64, i64)> = Vec::new();
        for outage in outages {
            let (left, right) = (self.x(outage.from), self.x(outage.until.unwrap_or(self.to)));
            let right = right.max(left + 2);
            match stripes.last_mut() {
                Some((start, width)) if left <= *start + *width + 1 => *width = right - *start,
                _ => stripes.push((left, right - left)),
            }
        }
        stripes
    }
}

/// Seconds since 1970 as a date and a time for people, without the seconds.
pub fn in_words(time: i64) -> String {
    clock::format(time, c"%F %H:%M")
}

/// Finds the outages in samples, which are sorted by time.
pub fn outages<'a>(samples: &[&'a Sample]) -> Vec<Outage<'a>> {
    let stretches = samples.chunk_by(|a, b| a.problem.is_some() == b.problem.is_some());
    let firsts: Vec<&'a Sample> = stretches.filter_map(|stretch| stretch.first().copied()).collect();
    let outage = |(number, first): (usize, &&'a Sample)| {
        let until = firsts.get(number + 1).map(|next| next.time);
        Some(Outage { from: first.time, until, words: first.problem.as_deref()? })
    };
    firsts.iter().enumerate().filter_map(outage).collect()
}
