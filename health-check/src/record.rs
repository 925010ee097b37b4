//! Writes the findings to standard output and to each file that the command line names. A file that cannot be written
//! is reported, and the others are written all the same.

use std::io::{self, Write};
use std::path::Path;

use crate::alert;
use crate::arguments::Arguments;
use crate::clock;
use crate::history;
use crate::output;
use crate::page;
use crate::report::Report;
use crate::settings::Settings;

/// Writes the findings to all files that the command line names. Returns sentences about those
/// that could not be written.
pub fn record(arguments: &Arguments, settings: &Settings, report: &Report<'_>) -> Vec<String> {
    let line = report.line();
    let mut failures = Vec::new();
    let mut note = |what: &str, path: &Path, result: io::Result<()>| {
        if let Err(error) = result {
            failures.push(format!("cannot write the {what} {}: {error}", path.display()));
        }
    };
    if let Some(path) = &arguments.log {
        let line = format!("[{}] {line}", clock::format(report.time, c"%F %T"));
        note("log", path, output::append_line(path, &line));
    }
    if let Some(path) = &arguments.state {
        note("state file", path, output::replace(path, |out| write_state(out, report)));
    }
    let mut samples = None;
    if let Some(path) = &arguments.history {
        match history::record(path, &report.sample(), settings.history) {
            Ok(recorded) => samples = Some(recorded),
            Err(error) => note("history", path, Err(error)),
        }
    }
    if let (Some(path), Some(samples)) = (&arguments.page, &samples) {
        let now = report.time;
        let write = |out: &mut dyn Write| page::write(out, &arguments.name, samples, settings, now);
        note("page", path, output::replace(path, write));
    }
    let said = match arguments.json {
        true => output::print(|out| write_state(out, report)),
        false => output::say(report.healthy, &line),
    };
    if let Err(error) = said {
        failures.push(format!("cannot write to standard output: {error}"));
    }
    if let Some(path) = &arguments.alert {
        let unhealthy_checks = samples.map(|samples| samples.iter().rev().take_while(|s| s.problem.is_some()).count());
        let result = match report.healthy && failures.is_empty() {
            true => alert::withdraw(path),
            false => alert::raise(path, &line, &failures, unhealthy_checks),
        };
        if let Err(error) = result {
            failures.push(format!("cannot write the alert {}: {error}", path.display()));
        }
    }
    failures
}

fn write_state(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
