//! The report: the history → one page in HTML, without scripts and without other files. It is light or dark as the
//! browser is set, and its tables have the same content as its pictures.
//!
//! The template is `templates/page.html`. The values for it are made here.

mod axis;
mod plot;

use std::io::{self, Write};

use askama::Template;

use axis::{LEFT, RIGHT, TimeAxis, WIDTH, in_words, outages};
use plot::{HEIGHT, Measure, PICTURE, Plot, TOP};

use crate::clock;
use crate::history::Sample;
use crate::settings::Settings;

/// The largest number of outages in the table. The newest are listed.
const LISTED: usize = 50;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    name: &'a str,
    /// `None` before the first check.
    history: Option<History<'a>>,
}

/// The values of the template. Lengths are in units of the picture.
struct History<'a> {
    /// The beginning and the first problem of the newest outage, if it has not ended.
    unhealthy_since: Option<(String, &'a str)>,
    checks: usize,
    first: String,
    last: String,
    well: String,
    /// How many there are; `listed` has the newest.
    outages: usize,
    /// Left edges and widths of the times with checks.
    checked: Vec<(i64, i64)>,
    /// Left edges and widths of the outages.
    stripes: Vec<(i64, i64)>,
    /// Places and texts of the labels below the plots.
    labels: Vec<(i64, String)>,
    listed: Vec<Listed<'a>>,
    plots: Vec<Plot>,
    days: Vec<Day>,
}

/// A row of the table of outages.
struct Listed<'a> {
    from: String,
    until: String,
    minutes: i64,
    words: &'a str,
}

/// A row of the table of days; a summary for each measure.
struct Day {
    date: String,
    checks: usize,
    well: String,
    summaries: Vec<String>,
}

/// Writes the page with the samples of the server `name`. Samples after `now` are left out: they
/// are from a wrong clock.
///
/// # Errors
/// When writing to `out` fails.
pub fn write<'a>(
    out: &mut dyn Write,
    name: &str,
    samples: impl Iterator<Item = &'a Sample>,
    settings: &Settings,
    now: i64,
) -> io::Result<()> {
    let mut samples: Vec<&Sample> = samples.filter(|sample| sample.time <= now).collect();
    samples.sort_by_key(|sample| sample.time);
    let history = samples.last().map(|last| History::of(&samples, last, settings));
    Page { name, history }.write_into(out)
}

impl<'a> History<'a> {
    fn of(samples: &[&'a Sample], last: &Sample, settings: &Settings) -> Self {
        let axis = TimeAxis::of(samples);
        let outages = outages(samples);
        let measures = measures(settings);
        let open = outages.last().filter(|outage| outage.until.is_none());
        let first = samples.first().map_or(last.time, |first| first.time);
        let listed = outages.iter().rev().take(LISTED).map(|outage| Listed {
            from: in_words(outage.from),
            until: outage.until.map_or("now".to_owned(), in_words),
            minutes: outage.until.unwrap_or(axis.end()).saturating_sub(outage.from).saturating_add(59) / 60,
            words: outage.words,
        });
        Self {
            unhealthy_since: open.map(|open| (in_words(open.from), open.words)),
            checks: samples.len(),
            first: in_words(first),
            last: in_words(last.time),
            well: share_of_well(samples),
            outages: outages.len(),
            checked: checked(samples, &axis),
            stripes: axis.stripes(&outages),
            labels: axis.labels(),
            listed: listed.collect(),
            plots: measures.iter().map(|measure| measure.plot(samples, &axis)).collect(),
            days: days(samples, &axis, &measures),
        }
    }
}

fn measures(settings: &Settings) -> [Measure; 5] {
    let percent = |id, title, value: fn(&Sample) -> Option<f32>, limit| Measure {
        id,
        title,
        unit: "%",
        decimals: 1,
        least_top: 100.0,
        value,
        limit,
    };
    [
        percent("cpu", "CPU", |sample| sample.cpu, settings.max_cpu),
        percent("memory", "Memory", |sample| sample.ram, Some(settings.max_ram)),
        percent("disk", "Disk", |sample| sample.disk, Some(settings.max_disk)),
        Measure {
            id: "response",
            title: "Response time of the site",
            unit: " ms",
            decimals: 0,
            least_top: 10.0,
            value: |sample| sample.response,
            limit: Some(settings.max_response_time as f64),
        },
        // The limit is multiplied by the number of processors, which is not in the history.
        Measure {
            id: "load",
            title: "Load over five minutes",
            unit: "",
            decimals: 2,
            least_top: 1.0,
            value: |sample| sample.load,
            limit: None,
        },
    ]
}

fn checked(samples: &[&Sample], axis: &TimeAxis) -> Vec<(i64, i64)> {
    let stretches = samples.chunk_by(|a, b| b.time.saturating_sub(a.time) <= axis.longest_pause);
    let ends = stretches.filter_map(|stretch| Some((axis.x(stretch.first()?.time), axis.x(stretch.last()?.time))));
    ends.map(|(left, right)| (left, right.saturating_sub(left).max(1))).collect()
}

fn days(samples: &[&Sample], axis: &TimeAxis, measures: &[Measure]) -> Vec<Day> {
    let days: Vec<&[&Sample]> = samples.chunk_by(|a, b| axis.day(a.time) == axis.day(b.time)).collect();
    let day = |day: &&[&Sample]| Day {
        date: day.first().map(|first| clock::format(first.time, c"%F")).unwrap_or_default(),
        checks: day.len(),
        well: share_of_well(day),
        summaries: measures.iter().map(|measure| measure.summary(day.iter())).collect(),
    };
    days.iter().rev().map(day).collect()
}

/// The share of healthy checks in per cent. It is 100 % only if all are healthy.
fn share_of_well(samples: &[&Sample]) -> String {
    let well = samples.iter().filter(|sample| sample.problem.is_none()).count();
    let tenths = well.saturating_mul(1000).checked_div(samples.len()).unwrap_or(0);
    format!("{}.{}%", tenths / 10, tenths % 10)
}
