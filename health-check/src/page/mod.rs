//! The report: the history comes in; one page in HTML goes out that needs nothing else, no script, no font, no network. It
//! follows the reader's choice of light or dark, and says in words and tables what its pictures show.

mod axis;
mod plot;

use std::fmt;
use std::io::{self, Write};

use axis::{INNER, LEFT, Outage, TimeAxis, WIDTH, in_words, outages};
use plot::Measure;

use crate::clock::LocalTime;
use crate::history::Sample;
use crate::settings::Settings;

/// Outages that are listed: the newest.
const LISTED: usize = 50;

/// Writes the page on the samples of the server `name`. Those from after `now`, which a wrong clock made, are left out.
///
/// # Errors
/// When `out` does not take it.
pub fn write<'a>(
    out: &mut impl Write,
    name: &str,
    samples: impl Iterator<Item = &'a Sample>,
    settings: &Settings,
    now: i64,
) -> io::Result<()> {
    let mut samples: Vec<&Sample> = samples.filter(|sample| sample.time <= now).collect();
    samples.sort_by_key(|sample| sample.time);
    let name = Escaped(name);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Health of {name}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>Health of {name}</h1>",
        include_str!("style.css")
    )?;
    match samples.last() {
        Some(last) => write_history(out, &samples, last, settings)?,
        None => writeln!(out, "<p>No check has been recorded yet.</p>")?,
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write_history(out: &mut impl Write, samples: &[&Sample], last: &Sample, settings: &Settings) -> io::Result<()> {
    let axis = TimeAxis::of(samples);
    let outages = outages(samples);
    let measures = measures(settings);
    match outages.last().filter(|outage| outage.until.is_none()) {
        None => writeln!(out, "<p class=\"good\">Healthy</p>")?,
        Some(open) => writeln!(
            out,
            "<p class=\"bad\">Unhealthy since {}: {}</p>",
            in_words(&LocalTime::at(open.from)),
            Escaped(open.words)
        )?,
    }
    let first = samples.first().map_or(last.time, |first| first.time);
    writeln!(
        out,
        "<p class=\"faint\">{} checks from {} to {}; {} found everything well.</p>",
        samples.len(),
        in_words(&LocalTime::at(first)),
        in_words(&LocalTime::at(last.time)),
        share_of_well(samples)
    )?;
    write_strip(out, samples, &axis, &outages)?;
    for measure in &measures {
        measure.write(out, samples, &axis, &outages)?;
    }
    write_days(out, samples, &axis, &measures)
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
            limit: Some(settings.max_response_time.as_secs_f64() * 1000.0),
        },
        // Its limit is for each processor, whose number the history does not know.
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

/// A strip of the time in which checks were made, with the outages on it, and a table of them.
fn write_strip(out: &mut impl Write, samples: &[&Sample], axis: &TimeAxis, outages: &[Outage<'_>]) -> io::Result<()> {
    writeln!(
        out,
        "<figure>\n<h2>Outages</h2>\n<p id=\"outages-summary\">{}</p>\n<svg id=\"outages\" class=\"outages\" \
         viewBox=\"0 0 {WIDTH} 30\" role=\"img\" aria-label=\"Outages over time\" \
         aria-describedby=\"outages-summary\">\n<line class=\"rule\" x1=\"{LEFT}\" x2=\"{}\" y1=\"15\" y2=\"15\"/>",
        match outages.len() {
            0 => "No check has found anything wrong.".to_owned(),
            1 => "One outage.".to_owned(),
            several => format!("{several} outages."),
        },
        LEFT + INNER
    )?;
    for stretch in samples.chunk_by(|a, b| b.time - a.time <= axis.longest_pause) {
        let [Some(first), Some(last)] = [stretch.first(), stretch.last()].map(|end| end.map(|sample| sample.time))
        else {
            continue;
        };
        let (left, right) = (axis.x(first), axis.x(last));
        writeln!(out, "<rect class=\"well\" x=\"{left}\" y=\"12\" width=\"{}\" height=\"6\"/>", (right - left).max(1))?;
    }
    for (left, width) in axis.stripes(outages) {
        writeln!(out, "<rect class=\"outage\" x=\"{left}\" y=\"4\" width=\"{width}\" height=\"22\"/>")?;
    }
    writeln!(out, "</svg>\n</figure>")?;
    if outages.is_empty() {
        return Ok(());
    }
    let caption = match outages.len() > LISTED {
        true => format!("The newest {LISTED} outages"),
        false => "The outages, the newest first".to_owned(),
    };
    let heads = ["From", "Until", "Minutes", "What was wrong first"];
    open_table(out, &caption, heads.into_iter())?;
    for outage in outages.iter().rev().take(LISTED) {
        let from = in_words(&LocalTime::at(outage.from));
        let until = outage.until.map_or("now".to_owned(), |until| in_words(&LocalTime::at(until)));
        let minutes = (outage.until.unwrap_or(axis.end()) - outage.from + 59) / 60;
        let words = Escaped(outage.words);
        writeln!(out, "<tr><td>{from}</td><td>{until}</td><td>{minutes}</td><td>{words}</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")
}

/// The figures in a table, a row for each day.
fn write_days(out: &mut impl Write, samples: &[&Sample], axis: &TimeAxis, measures: &[Measure]) -> io::Result<()> {
    writeln!(out, "<details>\n<summary>The same as a table</summary>")?;
    let heads = ["Day", "Checks", "Well"].into_iter().chain(measures.iter().map(|measure| measure.title));
    open_table(out, "Each day, the newest first", heads)?;
    let days: Vec<&[&Sample]> = samples.chunk_by(|a, b| axis.day(a.time) == axis.day(b.time)).collect();
    for day in days.iter().rev() {
        let date = day.first().map(|first| LocalTime::at(first.time).for_people()).unwrap_or_default();
        let date = date.split(' ').next().unwrap_or_default();
        write!(out, "<tr><th scope=\"row\">{date}</th><td>{}</td><td>{}</td>", day.len(), share_of_well(day))?;
        for measure in measures {
            write!(out, "<td>{}</td>", measure.summary(day.iter()))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>\n</details>")
}

fn open_table<'a>(out: &mut impl Write, caption: &str, heads: impl Iterator<Item = &'a str>) -> io::Result<()> {
    writeln!(out, "<div class=\"wide\"><table>\n<caption>{caption}</caption>\n<thead><tr>")?;
    for head in heads {
        write!(out, "<th scope=\"col\">{head}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")
}

/// The share of checks that found everything well; 100 % only if all did.
fn share_of_well(samples: &[&Sample]) -> String {
    let well = samples.iter().filter(|sample| sample.problem.is_none()).count();
    let tenths = well * 1000 / samples.len().max(1);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A text as HTML writes it, also between double quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"']) {
            let special = part.chars().next_back().and_then(|last| match last {
                '&' => Some("&amp;"),
                '<' => Some("&lt;"),
                '>' => Some("&gt;"),
                '"' => Some("&quot;"),
                _ => None,
            });
            match special {
                Some(written) => {
                    f.write_str(part.get(..part.len() - 1).unwrap_or_default()).and(f.write_str(written))?
                }
                None => f.write_str(part)?,
            }
        }
        Ok(())
    }
}
