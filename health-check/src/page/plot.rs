//! A plot: the samples of one measure → a figure with an SVG picture. Each measured value is a point of a line. The
//! line has a gap where checks are missing or have no value.

use super::axis::TimeAxis;
use crate::history::Sample;

/// The height of a plot, in units of the picture, as all lengths here unless another unit is given.
pub const HEIGHT: i64 = 160;
/// The distance from the upper edge of the picture to the plot.
pub const TOP: i64 = 16;
/// The height of the picture: the plot with the labels below it.
pub const PICTURE: i64 = HEIGHT + TOP + 22;

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
    /// A server with a larger value is unhealthy. Infinite means no limit.
    pub limit: f64,
}

impl Measure {
    /// A phrase with the mean and the highest value of some samples.
    pub fn summary(&self, samples: &[&Sample]) -> String {
        let (mut count, mut sum, mut highest) = (0_u32, 0.0, 0.0_f32);
        for value in samples.iter().filter_map(|sample| (self.value)(sample)) {
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
    fn in_words(&self, value: f32) -> String {
        format!("{value:.*}{}", self.decimals, self.unit)
    }

    /// The newest value with its unit, or that it was not measured.
    pub fn now(&self, samples: &[&Sample]) -> String {
        self.summary(samples.last().copied().as_slice())
    }

    /// The horizontal lines: their heights, and the values that they stand for.
    pub fn rules(&self, samples: &[&Sample]) -> [(f32, f32); 3] {
        let top = self.top(samples);
        [0.0, 0.5, 1.0].map(|part| (height(part), top * part))
    }

    /// The height and the text of the limit. `None` if the limit is outside the plot.
    pub fn limit_line(&self, samples: &[&Sample]) -> Option<(f32, String)> {
        let top = self.top(samples);
        let limit = self.limit as f32;
        (limit <= top).then(|| ((height(limit / top) * 10.0).round() / 10.0, format!("{limit}{}", self.unit)))
    }

    /// The top of the axis: 1, 2 or 5, and zeros.
    fn top(&self, samples: &[&Sample]) -> f32 {
        let highest = samples.iter().filter_map(|sample| (self.value)(sample)).fold(self.least_top, f32::max);
        let powers = (0..=30).map(|power| 10_f32.powi(power));
        powers.flat_map(|power| [power, 2.0 * power, 5.0 * power]).find(|top| *top >= highest).unwrap_or(highest)
    }

    /// The points of each line, in tenths of a unit from the upper left corner of the plot. Whole numbers keep the page
    /// small. A point without neighbours is by itself.
    pub fn lines(&self, samples: &[&Sample], axis: &TimeAxis) -> Vec<Vec<(i64, i64)>> {
        let top = self.top(samples);
        let point = |sample: &&Sample| {
            let part = ((self.value)(sample)? / top).clamp(0.0, 1.0);
            let height = (10 * HEIGHT) as f32;
            Some((axis.tenths(sample.time), (height - height * part) as i64))
        };
        let is_measured = |sample: &Sample| (self.value)(sample).is_some();
        let together = |a: &&Sample, b: &&Sample| is_measured(a) && is_measured(b) && axis.are_neighbours(a, b);
        let lines = samples.chunk_by(together).map(|stretch| stretch.iter().filter_map(point).collect());
        lines.filter(|points: &Vec<_>| !points.is_empty()).collect()
    }
}

/// The height of a value, which is given as a part of the axis.
fn height(part: f32) -> f32 {
    TOP as f32 + HEIGHT as f32 * (1.0 - part)
}
