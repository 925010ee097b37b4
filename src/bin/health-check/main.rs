//! `health-check`: looks a server over once and says whether it is well. A systemd timer runs it on the machines that
//! stackdeb sets up: names of units, addresses and sockets come in on the command line; a line for the log, one for the
//! journal, a state file in JSON and an exit status go out.
//!
//! It runs every few minutes for years on small machines, so it takes nothing but the standard library and libc, about a
//! megabyte of memory, and every wait has a limit.

mod arguments;
mod clock;
mod json;
mod machine;
mod output;
mod postgres;
mod report;
mod site;
mod units;
mod url;

use std::process::ExitCode;

use arguments::{Arguments, Request};
use report::Report;

/// The command line cannot be understood; nothing was checked.
const EXIT_USAGE: u8 = 2;
/// All is well, but the log, the state file or standard output could not be written.
const EXIT_NOT_RECORDED: u8 = 3;

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => print(arguments::HELP),
        Ok(Request::Version) => print(concat!("health-check ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Check(arguments)) => check(&arguments),
        Err(error) => {
            output::complain(&format!("{error}; `health-check --help` lists the options"));
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn print(text: &str) -> ExitCode {
    match output::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_NOT_RECORDED),
    }
}

fn check(arguments: &Arguments) -> ExitCode {
    let report = Report::collect(arguments);
    let line = report.line();
    let mut failures = Vec::new();
    if let Some(path) = &arguments.log
        && let Err(error) = output::append_line(path, &format!("[{}] {line}", report.time.for_people()))
    {
        failures.push(format!("cannot write the log {}: {error}", path.display()));
    }
    let json = report.to_json(&arguments.name);
    if let Some(path) = &arguments.state
        && let Err(error) = output::replace(path, &json)
    {
        failures.push(format!("cannot write the state file {}: {error}", path.display()));
    }
    let said = if arguments.json { output::print(&json) } else { output::say(report.healthy(), &line) };
    if let Err(error) = said {
        failures.push(format!("cannot write to standard output: {error}"));
    }
    for failure in &failures {
        output::complain(failure);
    }
    match (report.healthy(), failures.is_empty()) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(EXIT_NOT_RECORDED),
        (true, true) => ExitCode::SUCCESS,
    }
}
