//! Writes the findings to standard output and to each file that the command line names. A file that cannot be written
//! is reported, and the others are written all the same.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::alert;
use crate::arguments::Arguments;
use crate::clock;
use crate::history;
use crate::machine::noted;
use crate::output;
use crate::page;
use crate::report::Report;
use crate::settings::Settings;

/// Writes the findings to all files that the command line names. Returns sentences about those
/// that could not be written.
pub fn record(arguments: &Arguments, settings: &Settings, report: &Report<'_>) -> Vec<String> {
    let line = report.line();
    let mut failures = Vec::new();
    attempt(&mut failures, "log", &arguments.log, |path| {
        output::append_line(path, &format!("[{}] {line}", clock::format(report.time, c"%F %T")))
    });
    attempt(&mut failures, "state file", &arguments.state, |path| {
        output::replace(path, |out| write_state(out, report))
    });
    let samples = attempt(&mut failures, "history", &arguments.history, |path| {
        history::record(path, &report.sample(), settings.history)
    });
    if let Some(samples) = &samples {
        attempt(&mut failures, "page", &arguments.page, |path| {
            output::replace(path, |out| page::write(out, &arguments.name, samples, settings, report.time))
        });
    }
    let said = match arguments.json {
        true => output::print(|out| write_state(out, report)),
        false => output::say(report.healthy, &line),
    };
    failures.extend(said.err().map(|error| format!("cannot write to standard output: {error}")));
    let unhealthy_checks = samples.map(|samples| samples.iter().rev().take_while(|s| s.problem.is_some()).count());
    let alert = (!report.healthy || !failures.is_empty()).then(|| alert::variables(&line, &failures, unhealthy_checks));
    attempt(&mut failures, "alert", &arguments.alert, |path| match alert {
        Some(variables) => output::replace(path, |out| out.write_all(variables.as_bytes())),
        None => alert::withdraw(path),
    });
    failures
}

/// Writes one of the files, if the command line names it.
fn attempt<T>(
    failures: &mut Vec<String>,
    what: &str,
    path: &Option<PathBuf>,
    write: impl FnOnce(&Path) -> io::Result<T>,
) -> Option<T> {
    let path = path.as_deref()?;
    let written = write(path).map_err(|error| format!("cannot write the {what} {}: {error}", path.display()));
    noted(written, failures)
}

fn write_state(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
