//! Writes the findings to standard output and to each file that the command line names. A file that cannot be written
//! is reported, and the others are written all the same.

use std::io;
use std::path::Path;

use crate::alert;
use crate::arguments::Arguments;
use crate::history;
use crate::output;
use crate::page;
use crate::report::Report;
use crate::settings::Settings;
use crate::state;

/// Returns the limits for this check, and sentences about the mistakes in the administrator's file. The command line
/// has precedence over that file, and the file over the defaults.
pub fn settings(arguments: &Arguments) -> (Settings, Vec<String>) {
    let (mut settings, mistakes) = arguments.config.as_deref().map(Settings::load).unwrap_or_default();
    settings.max_cpu = arguments.max_cpu.or(settings.max_cpu);
    settings.max_ram = arguments.max_ram.unwrap_or(settings.max_ram);
    settings.max_disk = arguments.max_disk.unwrap_or(settings.max_disk);
    (settings, mistakes)
}

/// Writes the findings to all files that the command line names. Returns sentences about those
/// that could not be written.
pub fn record(arguments: &Arguments, settings: &Settings, report: &Report) -> Vec<String> {
    let line = report.line();
    let mut failures = Vec::new();
    let mut note = |what: &str, path: &Path, result: io::Result<()>| {
        if let Err(error) = result {
            failures.push(format!("cannot write the {what} {}: {error}", path.display()));
        }
    };
    if let Some(path) = &arguments.log {
        let line = format!("[{}] {line}", report.time.for_people());
        note("log", path, output::append_line(path, &line));
    }
    if let Some(path) = &arguments.state {
        note("state file", path, output::replace_with(path, |out| state::write(out, report, &arguments.name)));
    }
    let mut samples = None;
    if let Some(path) = &arguments.history {
        match history::record(path, &report.sample(), settings.history) {
            Ok(recorded) => samples = Some(recorded),
            Err(error) => note("history", path, Err(error)),
        }
    }
    if let (Some(path), Some(samples)) = (&arguments.page, &samples) {
        let now = report.time.seconds();
        let write = |out: &mut _| page::write(out, &arguments.name, samples.iter(), settings, now);
        note("page", path, output::replace_with(path, write));
    }
    let said = match arguments.json {
        true => output::print_with(|out| state::write(out, report, &arguments.name)),
        false => output::say(report.healthy(), &line),
    };
    if let Err(error) = said {
        failures.push(format!("cannot write to standard output: {error}"));
    }
    if let Some(path) = &arguments.alert {
        let unhealthy_checks = samples.map(|samples| samples.iter().rev().take_while(|s| s.problem.is_some()).count());
        let result = match report.healthy() && failures.is_empty() {
            true => alert::withdraw(path),
            false => alert::raise(path, &line, &failures, unhealthy_checks),
        };
        if let Err(error) = result {
            failures.push(format!("cannot write the alert {}: {error}", path.display()));
        }
    }
    failures
}
