//! One plot: a measure's samples over the time axis come in; a figure with an SVG picture goes out. Each measured sample is
//! a point of a line; where checks are missing, or measured nothing, the line is broken.

use std::io::{self, Write};

use super::axis::{INNER, LEFT, Outage, TimeAxis, WIDTH};
use crate::history::Sample;

/// The height of a plot and of its picture, in units of the picture.
const HEIGHT: i64 = 160;
const TOP: i64 = 16;
const PICTURE: i64 = HEIGHT + TOP + 22;

/// What is measured.
pub struct Measure {
    pub id: &'static str,
    pub title: &'static str,
    /// With a blank before it, if there has to be one.
    pub unit: &'static str,
    pub decimals: usize,
    /// What the axis of values reaches at least.
    pub least_top: f32,
    pub value: fn(&Sample) -> Option<f32>,
    /// Above it, a server is unhealthy.
    pub limit: Option<f64>,
}

impl Measure {
    /// The mean and the highest of some samples, in words.
    pub fn summary<'a>(&self, samples: impl Iterator<Item = &'a &'a Sample>) -> String {
        let (mut count, mut sum, mut highest) = (0_u32, 0.0, 0.0_f32);
        for value in samples.filter_map(|sample| (self.value)(sample)) {
            (count, sum, highest) = (count + 1, sum + f64::from(value), highest.max(value));
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

    /// Writes the figure.
    pub fn write(
        &self,
        out: &mut impl Write,
        samples: &[&Sample],
        axis: &TimeAxis,
        outages: &[Outage<'_>],
    ) -> io::Result<()> {
        let Self { id, title, .. } = self;
        let now = samples.last().and_then(|sample| (self.value)(sample));
        let now = now.map_or("not measured".to_owned(), |value| self.in_words(value));
        let top = self.top(samples);
        writeln!(
            out,
            "<figure>\n<h2>{title}</h2>\n<p id=\"{id}-summary\">Now {now}; {}.</p>\n\
             <svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {PICTURE}\" role=\"img\" aria-label=\"{title} over time\" \
             aria-describedby=\"{id}-summary\">",
            self.summary(samples.iter())
        )?;
        for (left, width) in axis.stripes(outages) {
            writeln!(out, "<rect class=\"outage\" x=\"{left}\" y=\"{TOP}\" width=\"{width}\" height=\"{HEIGHT}\"/>")?;
        }
        self.write_grid(out, axis, top)?;
        self.write_line(out, samples, axis, top)?;
        self.write_tooltips(out, samples, axis)?;
        writeln!(out, "</svg>\n</figure>")
    }

    /// The top of the axis of values: 1, 2 or 5 and zeros.
    fn top(&self, samples: &[&Sample]) -> f32 {
        let highest = samples.iter().filter_map(|sample| (self.value)(sample)).fold(self.least_top, f32::max);
        let powers = (0..=30).map(|power| 10_f32.powi(power));
        powers.flat_map(|power| [power, 2.0 * power, 5.0 * power]).find(|top| *top >= highest).unwrap_or(highest)
    }

    fn write_grid(&self, out: &mut impl Write, axis: &TimeAxis, top: f32) -> io::Result<()> {
        let right = LEFT + INNER;
        for part in [0.0, 0.5, 1.0] {
            let (y, value) = (TOP as f32 + HEIGHT as f32 * (1.0 - part), top * part);
            writeln!(
                out,
                "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
                LEFT - 6,
                y + 4.0
            )?;
        }
        for (x, label) in axis.labels() {
            writeln!(out, "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", PICTURE - 4)?;
        }
        match self.limit.map(|limit| limit as f32).filter(|limit| *limit <= top) {
            Some(limit) => {
                let y = TOP as f32 + HEIGHT as f32 * (1.0 - limit / top);
                writeln!(
                    out,
                    "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                     <text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">limit {limit}{}</text>",
                    y - 3.0,
                    self.unit
                )
            }
            None => Ok(()),
        }
    }

    /// In tenths of the picture's units: whole numbers are short and quickly written.
    fn write_line(&self, out: &mut impl Write, samples: &[&Sample], axis: &TimeAxis, top: f32) -> io::Result<()> {
        writeln!(out, "<g transform=\"translate({LEFT} {TOP}) scale(.1)\">")?;
        let point = |sample: &Sample| {
            let value = (self.value)(sample)?;
            let height = (10 * HEIGHT) as f32;
            Some((sample.time, axis.tenths(sample.time), (height - height * (value / top).clamp(0.0, 1.0)) as i64))
        };
        let points: Vec<_> = samples.iter().map(|sample| point(sample)).collect();
        let together = |a: &Option<(i64, i64, i64)>, b: &Option<(i64, i64, i64)>| match (a, b) {
            (Some((a, ..)), Some((b, ..))) => b - a <= axis.longest_pause,
            _ => false,
        };
        for stretch in points.chunk_by(together) {
            match stretch {
                [None] => {}
                [Some((_, x, y))] => writeln!(out, "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"20\"/>")?,
                several => {
                    write!(out, "<polyline class=\"line\" points=\"")?;
                    for (_, x, y) in several.iter().flatten() {
                        write!(out, "{x},{y} ")?;
                    }
                    writeln!(out, "\"/>")?;
                }
            }
        }
        writeln!(out, "</g>")
    }

    fn write_tooltips(&self, out: &mut impl Write, samples: &[&Sample], axis: &TimeAxis) -> io::Result<()> {
        let mut left = LEFT;
        for (range, when) in &axis.groups {
            let next = samples.get(range.end).map_or(axis.end(), |next| next.time);
            let last = range.end.checked_sub(1).and_then(|last| samples.get(last)).map_or(next, |last| last.time);
            let right = axis.x(last + (next - last) / 2);
            let members = samples.get(range.clone()).unwrap_or_default();
            writeln!(
                out,
                "<rect class=\"column\" x=\"{left}\" y=\"{TOP}\" width=\"{}\" height=\"{HEIGHT}\">\
                 <title>{when}: {}</title></rect>",
                (right - left).max(1),
                self.summary(members.iter())
            )?;
            left = right;
        }
        Ok(())
    }
}
