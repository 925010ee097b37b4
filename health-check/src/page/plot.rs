//! A plot: the samples of one measure → a figure with an SVG picture. Each measured value is a point of a line. The
//! line has a gap where checks are missing or have no value.

use std::fmt::Write as _;
use std::ops::Range;

use super::axis::{LEFT, TimeAxis};
use crate::history::Sample;

/// The height of a plot, in units of the picture.
pub const HEIGHT: i64 = 160;
/// The distance from the upper edge of the picture to the plot.
pub const TOP: i64 = 16;
/// The height of the picture: the plot with the labels below it.
pub const PICTURE: i64 = HEIGHT + TOP + 22;

/// The plot of a measure. Lengths are in units of the picture, unless another unit is given.
pub struct Plot {
    pub id: &'static str,
    pub title: &'static str,
    /// The newest value with its unit.
    pub now: String,
    pub summary: String,
    pub rules: [Rule; 3],
    /// The height and the text of the limit. `None` if the limit is outside the plot.
    pub limit: Option<(f32, String)>,
    /// Points without neighbours, in tenths of a unit from the upper left corner of the plot.
    pub dots: Vec<(i64, i64)>,
    /// The points of each line in the format of SVG, in the same unit.
    pub lines: Vec<String>,
    pub columns: Vec<Column>,
}

/// A horizontal line, and the value that it stands for.
pub struct Rule {
    pub y: f32,
    pub value: f32,
}

/// A part of the plot with a tooltip.
pub struct Column {
    pub left: i64,
    pub width: i64,
    pub title: String,
}

/// A value of the samples that has a plot of its own.
pub struct Measure {
    pub id: &'static str,
    pub title: &'static str,
    /// The text after a value. It begins with a space, if there must be one.
    pub unit: &'static str,
    pub decimals: usize,
    /// The smallest top of the axis.
    pub least_top: f32,
    pub value: fn(&Sample) -> Option<f32>,
    /// A server with a larger value is unhealthy.
    pub limit: Option<f64>,
}

impl Measure {
    /// A phrase with the mean and the highest value of some samples.
    pub fn summary<'a>(&self, samples: impl Iterator<Item = &'a &'a Sample>) -> String {
        let (mut count, mut sum, mut highest) = (0_u32, 0.0, 0.0_f32);
        for value in samples.filter_map(|sample| (self.value)(sample)) {
            (count, sum, highest) = (count.saturating_add(1), sum + f64::from(value), highest.max(value));
        }
        match count {
            0 => "not measured".to_owned(),
            1 => self.in_words(highest),
            _ => {
                let mean = self.in_words((sum / f64::from(count)) as f32);
                format!("{mean} on average, {} at most", self.in_words(highest))
            }
        }
    }

    /// A value with its unit.
    pub fn in_words(&self, value: f32) -> String {
        format!("{value:.*}{}", self.decimals, self.unit)
    }

    /// Makes the plot of the measure.
    pub fn plot(&self, samples: &[&Sample], axis: &TimeAxis) -> Plot {
        let now = samples.last().and_then(|sample| (self.value)(sample));
        let top = self.top(samples);
        let height = |value: f32| TOP as f32 + HEIGHT as f32 * (1.0 - value / top);
        let rule = |part: f32| Rule { y: height(top * part), value: top * part };
        let limit = self.limit.map(|limit| limit as f32).filter(|limit| *limit <= top);
        let (dots, lines) = self.curve(samples, axis, top);
        Plot {
            id: self.id,
            title: self.title,
            now: now.map_or("not measured".to_owned(), |value| self.in_words(value)),
            summary: self.summary(samples.iter()),
            rules: [0.0, 0.5, 1.0].map(rule),
            limit: limit.map(|limit| ((height(limit) * 10.0).round() / 10.0, format!("{limit}{}", self.unit))),
            dots,
            lines,
            columns: self.columns(samples, axis),
        }
    }

    /// The top of the axis: 1, 2 or 5, and zeros.
    fn top(&self, samples: &[&Sample]) -> f32 {
        let highest = samples.iter().filter_map(|sample| (self.value)(sample)).fold(self.least_top, f32::max);
        let powers = (0..=30).map(|power| 10_f32.powi(power));
        powers.flat_map(|power| [power, 2.0 * power, 5.0 * power]).find(|top| *top >= highest).unwrap_or(highest)
    }

    /// Single points, and the points of lines, in tenths of a unit. Whole numbers keep the page small.
    fn curve(&self, samples: &[&Sample], axis: &TimeAxis, top: f32) -> (Vec<(i64, i64)>, Vec<String>) {
        let point = |sample: &Sample| {
            let value = (self.value)(sample)?;
            let height = (10 * HEIGHT) as f32;
            Some((sample.time, axis.tenths(sample.time), (height - height * (value / top).clamp(0.0, 1.0)) as i64))
        };
        let points: Vec<_> = samples.iter().map(|sample| point(sample)).collect();
        let together = |a: &Option<(i64, i64, i64)>, b: &Option<(i64, i64, i64)>| match (a, b) {
            (Some((a, ..)), Some((b, ..))) => b.saturating_sub(*a) <= axis.longest_pause,
            _ => false,
        };
        let (mut dots, mut lines) = (Vec::new(), Vec::new());
        for stretch in points.chunk_by(together) {
            match stretch {
                [None] => {}
                [Some((_, x, y))] => dots.push((*x, *y)),
                several => {
                    let mut line = String::new();
                    for (_, x, y) in several.iter().flatten() {
                        // Writing to a String cannot fail.
                        _ = write!(line, "{x},{y} ");
                    }
                    lines.push(line);
                }
            }
        }
        (dots, lines)
    }

    fn columns(&self, samples: &[&Sample], axis: &TimeAxis) -> Vec<Column> {
        let mut left = LEFT;
        let column = |(range, when): &(Range<usize>, String)| {
            let next = samples.get(range.end).map_or(axis.end(), |next| next.time);
            let last = range.end.checked_sub(1).and_then(|last| samples.get(last)).map_or(next, |last| last.time);
            let right = axis.x(last.saturating_add(next.saturating_sub(last) / 2));
            let members = samples.get(range.clone()).unwrap_or_default();
            let title = format!("{when}: {}", self.summary(members.iter()));
            let width = right.saturating_sub(left).max(1);
            Column { left: std::mem::replace(&mut left, right), width, title }
        };
        axis.groups.iter().map(column).collect()
    }
}
