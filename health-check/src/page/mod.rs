//! The report: the history → one page in HTML, without scripts and without other files. It is light or dark as the
//! browser is set, and its tables have the same content as its pictures.
//!
//! The template is `templates/page.html`. What it calls is here.

mod axis;
mod plot;

use std::collections::VecDeque;
use std::io::{self, Write};

use askama::Template;

use axis::{LEFT, Outage, RIGHT, TimeAxis, WIDTH, outages};
use plot::{HEIGHT, Measure, PICTURE, TOP};

use crate::clock;
use crate::history::Sample;
use crate::settings::Settings;

/// The largest number of outages in the table. The newest are listed.
const LISTED: usize = 50;

/// What the template shows. It calls the methods for the rest.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    name: &'a str,
    /// Sorted by time. Before the first check, the list is empty.
    samples: &'a [&'a Sample],
    axis: TimeAxis,
    outages: Vec<Outage<'a>>,
    measures: [Measure; 5],
}

/// Writes the page with the samples of the server `name`. Samples after `now` are left out: they
/// are from a wrong clock.
///
/// # Errors
/// When writing to `out` fails.
pub fn write(
    out: &mut dyn Write,
    name: &str,
    samples: &VecDeque<Sample>,
    settings: &Settings,
    now: i64,
) -> io::Result<()> {
    let mut samples: Vec<&Sample> = samples.iter().filter(|sample| sample.time <= now).collect();
    samples.sort_by_key(|sample| sample.time);
    let (axis, outages) = (TimeAxis::of(&samples), outages(&samples));
    Page { name, samples: &samples, axis, outages, measures: measures(settings) }.write_into(out)
}

impl<'a> Page<'a> {
    /// The date of each day with its samples, the newest first.
    fn days(&self) -> impl Iterator<Item = (String, &[&'a Sample])> {
        let days = self.samples.chunk_by(|a, b| self.axis.day(a.time) == self.axis.day(b.time));
        days.rev().filter_map(|day| Some((clock::format(day.first()?.time, c"%F"), day)))
    }
}

fn measures(settings: &Settings) -> [Measure; 5] {
    let percent =
        |id, title, value, limit| Measure { id, title, unit: "%", decimals: 1, least_top: 100.0, value, limit };
    [
        percent("cpu", "CPU", |sample| sample.cpu, settings.max_cpu),
        percent("memory", "Memory", |sample| sample.ram, settings.max_ram),
        percent("disk", "Disk", |sample| sample.disk, settings.max_disk),
        Measure {
            id: "response",
            title: "Response time of the site",
            unit: " ms",
            decimals: 0,
            least_top: 10.0,
            value: |sample| sample.response,
            limit: settings.max_response_time as f64,
        },
        // The limit is multiplied by the number of processors, which is not in the history.
        Measure {
            id: "load",
            title: "Load over five minutes",
            unit: "",
            decimals: 2,
            least_top: 1.0,
            value: |sample| sample.load,
            limit: f64::INFINITY,
        },
    ]
}

/// The share of healthy checks in per cent. It is 100 % only if all are healthy.
fn share_of_well(samples: &[&Sample]) -> String {
    let well = samples.iter().filter(|sample| sample.problem.is_none()).count();
    let tenths = well.saturating_mul(1000).checked_div(samples.len()).unwrap_or(0);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// What the template writes behind a `|`.
mod filters {
    pub fn in_words(time: &i64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::axis::in_words(*time))
    }
}
