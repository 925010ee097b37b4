//! The command line: words → valid [`Arguments`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::url::Url;

/// The longest path of a Unix socket, in bytes, without the NUL at its end (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

const ABOUT: &str = "Looks this server over once and says whether it is well.

CPU, memory and load are always measured; everything else only when it is named.";

const EXIT_STATUS: &str = "\
Exit status: 0 healthy, 1 unhealthy, 2 wrong usage, 3 healthy but the log, another file or
standard output could not be written. Each site, each PostgreSQL server and all units
together get five seconds.";

#[derive(Debug, Parser)]
#[command(name = "health-check", version, about = ABOUT, after_help = EXIT_STATUS)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
struct CommandLine {
    #[command(flatten)]
    check: Option<Arguments>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the page of the history, or write it to --output
    Report(ReportArguments),
    /// Print a part of the address of a database, for a script that must not have it in the arguments of psql
    #[command(hide = true)]
    Connection(ConnectionArguments),
    /// Print some variables of an environment file, for a script of root that must not run with all of them
    #[command(hide = true)]
    Variables(VariablesArguments),
}

/// A command with its arguments.
#[derive(Debug)]
pub enum Request {
    Check(Box<Arguments>),
    Report(ReportArguments),
    Connection(ConnectionArguments),
    Variables(VariablesArguments),
}

/// What to check, and where to write the findings.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The name of the stack. The check of PostgreSQL uses it as the role
    #[arg(long, value_parser = plain_word)]
    pub name: String,
    /// A site that must answer with status 200: http://ADDRESS:PORT/PATH, where :PORT may be missing.
    /// May be given several times
    #[arg(long = "url", value_name = "URL", value_parser = str::parse::<Url>)]
    pub urls: Vec<Url>,
    /// The Host header of the request, in the place of the host in the URL
    #[arg(long, value_parser = plain_word)]
    pub host: Option<String>,
    /// The Unix socket of a PostgreSQL server: /run/postgresql/.s.PGSQL.5432. May be given several times
    #[arg(long, value_name = "SOCKET", value_parser = socket_path)]
    pub postgres: Vec<PathBuf>,
    /// An environment variable. If it has the address of a remote database (postgresql://…), this server is
    /// checked, and none of --postgres
    #[arg(long, value_name = "VARIABLE", value_parser = variable)]
    pub postgres_url_in: Option<String>,
    /// A systemd unit that must be active. May be given several times
    #[arg(long = "unit", value_name = "UNIT", value_parser = unit_name, allow_hyphen_values = true)]
    pub units: Vec<String>,
    /// A systemd unit that need not be active, and must not have failed. It need not exist. May be given several times
    #[arg(long = "job", value_name = "UNIT", value_parser = unit_name, allow_hyphen_values = true)]
    pub jobs: Vec<String>,
    /// A file whose existence says that the machine has to be rebooted. That is told, and is no problem of the server
    #[arg(long, value_name = "FILE")]
    pub reboot: Option<PathBuf>,
    /// The state file of the site's certificate, with the lines wanted=, served=, not_after= and failure=
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// A path on a file system that must have free space. May be given several times
    #[arg(long = "disk", value_name = "PATH")]
    pub disks: Vec<PathBuf>,
    /// A file with limits in TOML, which need not exist. A mistake in it is a problem of the server, and the default is
    /// used. The keys are max_cpu, max_load, max_ram, max_disk, max_response_time and history
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The server is unhealthy above this value [default: the value in the file, else no limit]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    pub max_cpu: Option<f64>,
    /// The server is unhealthy above this value [default: the value in the file, else 95]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    pub max_ram: Option<f64>,
    /// The server is unhealthy above this value, for bytes and for inodes [default: the value in the file, else 90]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    pub max_disk: Option<f64>,
    /// Append the line `[TIME] CPU: … | RAM: …` to FILE
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Replace FILE with the findings in JSON
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Add the findings to those of earlier checks in FILE
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Replace FILE with a page in HTML that shows the history
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Replace FILE with variables for the alert programs if the exit status is not 0; otherwise remove it
    #[arg(long, value_name = "FILE")]
    pub alert: Option<PathBuf>,
    /// Print the findings in JSON in the place of the line
    #[arg(long)]
    pub json: bool,
}

/// Which history to show, and where.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The name of the stack
    #[arg(long, value_parser = plain_word)]
    pub name: String,
    /// The file with the limits [default: /etc/NAME/health.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The history [default: /var/lib/NAME/health/history]
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Write the page to FILE [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which part of an address to print.
#[derive(Debug, Args)]
pub struct ConnectionArguments {
    /// The environment variable with the address
    #[arg(long = "in", value_name = "VARIABLE", value_parser = variable)]
    pub variable: String,
    /// An environment file, as systemd reads it, in which to look for the variable [default: the own environment]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The system user that connects
    #[arg(long, value_name = "USER", default_value = "")]
    pub user: String,
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub enum Part {
    /// A service file of libpq with the section `database`, which has all but the password
    Service,
    /// The password. An address without a password prints an empty text
    Password,
    /// `here` if there is no address, or if it leads the user to a socket of this machine; else `elsewhere`
    Place,
    /// Variables for the script that makes the database here; none if there is no address
    Local,
}

/// Which variables of the unit's environment to print.
#[derive(Debug, Args)]
pub struct VariablesArguments {
    /// The environment file, as systemd reads it. It need not exist
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// The names of the variables. Those that the file does not have are left out
    #[arg(value_parser = variable, required = true)]
    pub names: Vec<String>,
}

impl ReportArguments {
    /// The path of the file with the limits. The default is the file of the package.
    pub fn config(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| format!("/etc/{}/health.toml", self.name).into())
    }

    /// The path of the history. The default is the file of the package.
    pub fn history(&self) -> PathBuf {
        self.history.clone().unwrap_or_else(|| format!("/var/lib/{}/health/history", self.name).into())
    }
}

/// Parses the words of the command line. The first is the name of the program.
///
/// # Errors
/// When they are not valid. `--help` and `--version` are errors as well, with the text to print.
pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Request, clap::Error> {
    let CommandLine { check, verb } = CommandLine::try_parse_from(words)?;
    match (verb, check) {
        (Some(Verb::Report(arguments)), _) => Ok(Request::Report(arguments)),
        (Some(Verb::Connection(arguments)), _) => Ok(Request::Connection(arguments)),
        (Some(Verb::Variables(arguments)), _) => Ok(Request::Variables(arguments)),
        (None, Some(arguments)) => Ok(Request::Check(Box::new(arguments))),
        (None, None) => Err(clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, "--name is missing")),
    }
}

/// Checks a text for a header or a path: it has no spaces and no control characters.
fn plain_word(text: &str) -> Result<String, &'static str> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.to_owned()).ok_or("it is empty, or has a blank or a control character")
}

/// The name of an environment variable.
fn variable(text: &str) -> Result<String, &'static str> {
    let named = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    named.then(|| text.to_owned()).ok_or("it is not the name of a variable")
}

fn socket_path(text: &str) -> Result<PathBuf, &'static str> {
    let fits = (1..=LONGEST_SOCKET_PATH).contains(&text.len());
    fits.then(|| text.into()).ok_or("it is empty, or too long for a socket")
}

fn percentage(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    number.ok_or("it is not a percentage from 0 to 100")
}

/// Checks the name of a unit (systemd.unit(5)). systemctl must not take it for an option or a pattern.
fn unit_name(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let known = text.contains('.') && !text.starts_with('.') && text.bytes().all(allowed);
    // `-.mount` and `-.slice` are the only names that begin with a dash.
    let named = known && (!text.starts_with('-') || text.starts_with("-."));
    named.then(|| text.to_owned()).ok_or("it is not the name of a unit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Request, clap::Error> {
        parse(["health-check"].iter().chain(words).map(OsString::from))
    }

    #[test]
    fn flags_repeat_and_have_defaults() {
        let words = ["--name=a", "--unit", "a.service", "--unit", "-.mount", "--disk", "/", "--max-cpu", "99.5"];
        let Ok(Request::Check(arguments)) = parsed(&words) else { panic!("refused") };
        assert_eq!(arguments.units, ["a.service", "-.mount"]);
        assert_eq!(arguments.disks, [PathBuf::from("/")]);
        assert_eq!((arguments.max_cpu, arguments.max_ram, arguments.max_disk), (Some(99.5), None, None));
        assert!(arguments.urls.is_empty() && arguments.log.is_none() && !arguments.json);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let bad: [&[&str]; 16] = [
            &[],
            &["--name"],
            &["--name", ""],
            &["--name", "a", "--name", "b"],
            &["--name", "a b"],
            &["--name", "a", "more"],
            &["--name", "a", "--colour"],
            &["--name", "a", "--json=yes"],
            &["--name", "a", "--max-ram", "101"],
            &["--name", "a", "--max-ram", "NaN"],
            &["--name", "a", "--unit", "--version"],
            &["--name", "a", "--unit", "a"],
            &["--name", "a", "--unit", "a*.service"],
            &["--name", "a", "--url", "https://a/"],
            &["--name", "a", "--postgres-url-in", "postgresql://u:pw@a/b"],
            &["--name", "a", "--host", "a\r\nb"],
        ];
        for words in bad {
            assert!(parsed(words).is_err(), "{words:?}");
        }
        let long = "/".repeat(108);
        assert!(parsed(&["--name", "a", "--postgres", &long]).is_err());
    }

    #[test]
    fn a_report_knows_where_a_package_keeps_its_history() {
        let Ok(Request::Report(arguments)) = parsed(&["report", "--name", "a"]) else { panic!("refused") };
        assert_eq!(arguments.history(), PathBuf::from("/var/lib/a/health/history"));
        assert_eq!((arguments.config(), arguments.output), (PathBuf::from("/etc/a/health.toml"), None));
        for bad in [&["report"][..], &["report", "--name", "a", "--json"], &["report", "--name", "a", "--disk", "/"]] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
        assert!(parsed(&["--name", "a", "report"]).is_err());
    }
}
