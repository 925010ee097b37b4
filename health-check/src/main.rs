//! `health-check`: checks a server once and says whether it is healthy. A systemd timer runs it on the machines that
//! stackdeb sets up. It reads names of units, addresses and sockets from the command line, and limits from a file of
//! the administrator. It writes a line to the log and one to the journal, a state file in JSON, and a history with a
//! page that shows it. Its exit status is the verdict.
//!
//! It runs every few minutes for years on small machines. One run takes less than 20 ms of processor time, including
//! timeout and systemctl, which it starts once, and 5 MB of memory of its own. Every wait has a limit.

mod alert;
mod arguments;
mod certificate;
mod clock;
mod environment;
mod history;
mod input;
mod machine;
mod output;
mod page;
mod postgres;
mod record;
mod report;
mod server;
mod settings;
mod site;
mod units;

use std::process::ExitCode;

use arguments::{Arguments, ConnectionArguments, Part, ReportArguments, VariablesArguments, Verb};
use report::Report;
use settings::Settings;

/// The command line is not valid. Nothing was checked.
const EXIT_USAGE: u8 = 2;
/// The server is healthy, but the log, another file or standard output could not be written.
const EXIT_NOT_RECORDED: u8 = 3;

fn main() -> ExitCode {
    let result = match arguments::parse() {
        Ok(Verb::Check(arguments)) => return check(&arguments),
        Ok(Verb::Report(arguments)) => report(&arguments),
        Ok(Verb::Connection(arguments)) => connection(&arguments).and_then(|text| printed(&text)),
        Ok(Verb::Variables(arguments)) => variables(&arguments).and_then(|text| printed(&text)),
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            // The journal would show only the first of several lines as an error.
            output::complain(lines.join("; ").trim_start_matches("error: "));
            return ExitCode::from(EXIT_USAGE);
        }
        Err(help) if printed(&help.render().to_string()).is_err() => return ExitCode::from(EXIT_NOT_RECORDED),
        Err(_) => Ok(()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            output::complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn check(arguments: &Arguments) -> ExitCode {
    if let Some(path) = &arguments.alert {
        // Remove the old alert first: if this run is killed, a stale one must not be sent. A file that cannot be
        // removed cannot be written either, and that is told below.
        _ = alert::withdraw(path);
    }
    let (settings, mistakes) = Settings::load(arguments.config.as_deref(), &arguments.name);
    let report = Report::collect(arguments, &settings, mistakes);
    let failures = record::record(arguments, &settings, &report);
    for failure in &failures {
        output::complain(failure);
    }
    match (report.healthy, failures.is_empty()) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(EXIT_NOT_RECORDED),
        (true, true) => ExitCode::SUCCESS,
    }
}

fn report(arguments: &ReportArguments) -> Result<(), String> {
    let (settings, mistakes) = Settings::load(arguments.config.as_deref(), &arguments.name);
    mistakes.iter().for_each(|mistake| output::complain(mistake));
    let of_package = || format!("/var/lib/{}/health/history", arguments.name).into();
    let path = arguments.history.clone().unwrap_or_else(of_package);
    let samples = history::read(&path, settings.history)
        .map_err(|error| format!("cannot read the history {}: {error}", path.display()))?;
    output::print(|out| page::write(out, &arguments.name, &samples, &settings, clock::now()))
        .map_err(|error| format!("cannot write the page: {error}"))
}

/// The section of the service file that is made of an address.
const SERVICE: &str = "database";

/// A part of the address of a database, for the scripts that make the database.
fn connection(arguments: &ConnectionArguments) -> Result<String, String> {
    let ConnectionArguments { variable, file, user, part } = arguments;
    let text = match file {
        Some(file) => environment::read(file)?.remove(variable).unwrap_or_default(),
        None => std::env::var(variable).unwrap_or_default(),
    };
    let refused = |why| format!("{variable} is not the address of a database: {why}");
    let local = || match text.is_empty() {
        true => Ok(None),
        false => connection::local(&text, user).map_err(refused),
    };
    let service_file = || connection::service_file(&text, SERVICE).map_err(refused);
    Ok(match part {
        Part::Service => service_file()?.0,
        Part::Password => service_file()?.1.unwrap_or_default(),
        Part::Place if text.is_empty() || local()?.is_some() => "here".to_owned(),
        Part::Place => "elsewhere".to_owned(),
        Part::Local => local()?.as_ref().map(local_settings).unwrap_or_default(),
    })
}

/// Lines of an environment file for the script that makes the database.
fn local_settings(local: &connection::Local) -> String {
    let all = [("PGHOST", &local.host), ("PGPORT", &local.port), ("DATABASE", &local.database)];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| environment::line(name, value)).collect()
}

/// Variables of an environment file, as lines of such a file.
fn variables(arguments: &VariablesArguments) -> Result<String, String> {
    let all = environment::read(&arguments.file)?;
    let lines = arguments.names.iter().filter_map(|name| Some(environment::line(name, all.get(name)?)));
    Ok(lines.collect())
}

fn printed(text: &str) -> Result<(), String> {
    output::print(|out| out.write_all(text.as_bytes())).map_err(|error| error.to_string())
}
