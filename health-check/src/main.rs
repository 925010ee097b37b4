//! `health-check`: looks a server over once and says whether it is well. A systemd timer runs it on the machines that
//! stackdeb sets up: names of units, addresses and sockets come in on the command line, limits from a file of the
//! administrator's; a line for the log, one for the journal, a state file in JSON, a history with a page that shows it, and
//! an exit status go out.
//!
//! It runs every few minutes for years on small machines: one run costs less than 20 ms of the processor and 5 MB of memory,
//! so it takes nothing but the standard library, libc and a reader of TOML, and starts no other program; and every wait has
//! a limit.

mod alert;
mod arguments;
mod bus;
mod clock;
mod history;
mod json;
mod machine;
mod output;
mod page;
mod postgres;
mod record;
mod report;
mod report_arguments;
mod server;
mod settings;
mod site;
mod tcp;
mod units;
mod url;

use std::process::ExitCode;

use arguments::{Arguments, Request};
use clock::LocalTime;
use report::Report;
use report_arguments::ReportArguments;
use settings::Settings;

/// The command line cannot be understood; nothing was checked.
const EXIT_USAGE: u8 = 2;
/// All is well, but the log, another file or standard output could not be written.
const EXIT_NOT_RECORDED: u8 = 3;

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => print(arguments::HELP),
        Ok(Request::Version) => print(concat!("health-check ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Check(arguments)) => check(&arguments),
        Ok(Request::Report(arguments)) => report(&arguments),
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
    if let Some(path) = &arguments.alert {
        // Were this run ended from outside, the last one's alert would stand for it. What cannot be removed can't be
        // written either, and that is told below.
        _ = alert::withdraw(path);
    }
    let (settings, mistakes) = record::settings(arguments);
    let report = Report::collect(arguments, &settings, mistakes);
    let failures = record::record(arguments, &settings, &report);
    for failure in &failures {
        output::complain(failure);
    }
    match (report.healthy(), failures.is_empty()) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(EXIT_NOT_RECORDED),
        (true, true) => ExitCode::SUCCESS,
    }
}

fn report(arguments: &ReportArguments) -> ExitCode {
    let (settings, mistakes) = Settings::load(&arguments.config);
    for mistake in &mistakes {
        output::complain(mistake);
    }
    let samples = match history::read(&arguments.history, settings.history) {
        Ok(samples) => samples,
        Err(error) => {
            output::complain(&format!("cannot read the history {}: {error}", arguments.history.display()));
            return ExitCode::FAILURE;
        }
    };
    let now = LocalTime::now().seconds();
    let written = match &arguments.output {
        Some(path) => {
            output::replace_with(path, |out| page::write(out, &arguments.name, samples.iter(), &settings, now))
        }
        None => output::print_with(|out| page::write(out, &arguments.name, samples.iter(), &settings, now)),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("cannot write the page: {error}"));
            ExitCode::FAILURE
        }
    }
}
