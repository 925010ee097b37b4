//! The axes of the plots: samples come in; the span of time that they cover, what belongs together in it, and where it is
//! on the paper go out.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "all times are between 0 and the present: `Sample::parse` and `page` leave other samples out"
)]

use crate::clock::LocalTime;
use crate::history::Sample;

/// The paper's width, in units of the picture, and that of the margin with the labels.
pub const WIDTH: i64 = 960;
/// Left of it are the labels of values.
pub const LEFT: i64 = 52;
/// The width of the plot itself.
const INNER: i64 = 880;
/// The plot's right edge.
pub const RIGHT: i64 = LEFT + INNER;
/// Groups of samples that share a tooltip: each is wide enough to be pointed at.
const GROUPS: usize = 150;
/// Steps between labels of time, in seconds.
const STEPS: [i64; 14] =
    [60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 90 * DAY];
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Most labels of time.
const LABELS: i64 = 8;

/// The time that a report covers, and how it lies on the paper.
pub struct TimeAxis {
    from: i64,
    to: i64,
    /// Longer than this, in seconds, between two checks, and some are missing.
    pub longest_pause: i64,
    /// Samples that share a tooltip: ranges of their numbers, and when that was, in words.
    pub groups: Vec<(std::ops::Range<usize>, String)>,
    /// Seconds east of Greenwich at the end; days and labels go by it.
    offset: i64,
}

/// A time during which every check found something wrong.
pub struct Outage<'a> {
    /// Seconds since 1970 of the first such check.
    pub from: i64,
    /// Of the first check that was well again; `None` while there is none.
    pub until: Option<i64>,
    /// What was wrong first.
    pub words: &'a str,
}

impl TimeAxis {
    /// The axis for samples in the order of their time; there must be one at least.
    pub fn of(samples: &[&Sample]) -> Self {
        let time = |sample: Option<&&Sample>| sample.map_or(0, |sample| sample.time);
        let (first, to) = (time(samples.first()), time(samples.last()));
        let mut pauses: Vec<i64> = samples.windows(2).map(|pair| time(pair.last()) - time(pair.first())).collect();
        pauses.sort_unstable();
        // Three times the usual one: a check may be late, and one may be lost.
        let longest_pause = 3 * pauses.get(pauses.len() / 2).copied().unwrap_or(0).max(20);
        let size = samples.len().div_ceil(GROUPS).max(1);
        let groups = (0..samples.len()).step_by(size).map(|start| {
            let range = start..(start + size).min(samples.len());
            let [first, last] = [range.start, range.end - 1].map(|at| LocalTime::at(time(samples.get(at))));
            let words = match size {
                1 => in_words(&first),
                _ => format!("{} to {}", in_words(&first), in_words(&last)),
            };
            (range, words)
        });
        let offset = LocalTime::at(to).offset();
        Self { from: first.min(to - 60), to, longest_pause, groups: groups.collect(), offset }
    }

    /// The place of a moment, in tenths of the picture's units from the plot's left.
    pub fn tenths(&self, time: i64) -> i64 {
        (time - self.from) * INNER * 10 / (self.to - self.from)
    }

    /// The same in whole units from the picture's left.
    pub fn x(&self, time: i64) -> i64 {
        LEFT + self.tenths(time) / 10
    }

    /// Places and texts of the labels below the plots.
    pub fn labels(&self) -> Vec<(i64, String)> {
        let fits = |step: &&i64| (self.to - self.from) / **step < LABELS;
        let step = STEPS.iter().find(fits).copied().unwrap_or((self.to - self.from) / LABELS);
        let first = (self.from + self.offset).div_euclid(step) * step + step - self.offset;
        let times = std::iter::successors(Some(first), |time| Some(time + step)).take_while(|time| *time <= self.to);
        let label = |time: i64| {
            let at = LocalTime::at(time);
            let text = if (time + self.offset) % DAY == 0 { at.day() } else { at.minute() };
            (self.x(time), text)
        };
        times.map(label).collect()
    }

    /// The number of the day that a moment is in.
    pub fn day(&self, time: i64) -> i64 {
        (time + self.offset).div_euclid(DAY)
    }

    /// The end of the axis, seconds since 1970.
    pub fn end(&self) -> i64 {
        self.to
    }

    /// Outages as stripes on the paper: left edge and width. What would touch is one.
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

/// A moment to the minute, as people write it.
pub fn in_words(time: &LocalTime) -> String {
    let text = time.for_people();
    text.get(..16).unwrap_or(&text).to_owned()
}

/// The outages in samples in the order of their time.
pub fn outages<'a>(samples: &[&'a Sample]) -> Vec<Outage<'a>> {
    let mut outages: Vec<Outage<'a>> = Vec::new();
    let mut open = false;
    for sample in samples {
        match (&sample.problem, open) {
            (Some(words), false) => outages.push(Outage { from: sample.time, until: None, words }),
            (None, true) => outages.iter_mut().last().into_iter().for_each(|last| last.until = Some(sample.time)),
            _ => {}
        }
        open = sample.problem.is_some();
    }
    outages
}
