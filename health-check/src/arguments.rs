//! The command line: words → valid [`Arguments`].

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::site;

const ABOUT: &str = "Looks this server over once and says whether it is well.

CPU, memory and load are always measured; everything else only when it is named.";

const EXIT_STATUS: &str = "\
Exit status: 0 healthy, 1 unhealthy, 2 wrong usage, 3 healthy but the log, another file or
standard output could not be written. Each site, each PostgreSQL server and all units
together get five seconds.";

#[derive(Parser)]
#[command(name = "health-check", version, about = ABOUT, after_help = EXIT_STATUS)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
struct CommandLine {
    #[command(flatten)]
    check: Option<Arguments>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
pub enum Verb {
    /// What the program does without a verb.
    #[command(skip)]
    Check(Box<Arguments>),
    /// Print the page of the history
    Report(ReportArguments),
    /// Print a part of the address of a database, for a script that must not have it in the arguments of psql
    #[command(hide = true)]
    Connection(ConnectionArguments),
    /// Print some variables of an environment file, for a script of root that must not run with all of them
    #[command(hide = true)]
    Variables(VariablesArguments),
}

/// What to check, and where to write the findings.
#[derive(Args)]
pub struct Arguments {
    /// The name of the stack. The check of PostgreSQL uses it as the role
    #[arg(long, value_parser = plain_word)]
    pub name: String,
    /// A file with limits in TOML, which need not exist [default: /etc/NAME/health.toml]. A mistake in it is a problem of
    /// the server, and the default is used. The keys are max_cpu, max_load, max_ram, max_disk, max_response_time and history
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A site that must answer with status 200: http://ADDRESS:PORT/PATH, where :PORT may be missing.
    /// May be given several times
    #[arg(long = "url", value_name = "URL", value_parser = site::address)]
    pub urls: Vec<String>,
    /// The Host header of the request, instead of the host in the URL
    #[arg(long, value_parser = plain_word)]
    pub host: Option<String>,
    /// The Unix socket of a PostgreSQL server: /run/postgresql/.s.PGSQL.5432. If the environment variable DATABASE_URL has
    /// the address of a database (postgresql://…), the server of that address is checked instead. May be given several times
    #[arg(long, value_name = "SOCKET")]
    pub postgres: Vec<PathBuf>,
    /// A systemd unit that must be active. May be given several times
    #[arg(long = "unit", value_name = "UNIT")]
    pub units: Vec<String>,
    /// A systemd unit that need not be active, and must not have failed. It need not exist. May be given several times
    #[arg(long = "job", value_name = "UNIT")]
    pub jobs: Vec<String>,
    /// A file whose existence says that the machine has to be rebooted. It is reported, but is not a problem
    #[arg(long, value_name = "FILE")]
    pub reboot: Option<PathBuf>,
    /// The state file of the site's certificate, with the lines wanted=, served=, not_after= and failure=
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// A path on a file system that must have free space. May be given several times
    #[arg(long = "disk", value_name = "PATH")]
    pub disks: Vec<String>,
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
    /// Print the findings in JSON instead of the line
    #[arg(long)]
    pub json: bool,
}

/// The history that `report` prints, and the limits that it draws beside it.
#[derive(Args)]
pub struct ReportArguments {
    /// The name of the stack
    #[arg(long, value_parser = plain_word)]
    pub name: String,
    /// The file with the limits [default: /etc/NAME/health.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The history [default: /var/lib/NAME/health/history]
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// Which part of an address to print.
#[derive(Args)]
pub struct ConnectionArguments {
    /// The environment variable with the address
    #[arg(long = "in", value_name = "VARIABLE")]
    pub variable: String,
    /// An environment file, as systemd reads it, in which to look for the variable [default: the own environment]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The system user that connects
    #[arg(long, value_name = "USER", default_value = "")]
    pub user: String,
    pub part: Part,
}

#[derive(Clone, ValueEnum)]
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
#[derive(Args)]
pub struct VariablesArguments {
    /// The environment file, as systemd reads it. It need not exist
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// The names of the variables. Those that the file does not have are left out
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// Parses the words that the program was started with.
///
/// # Errors
/// When they are not valid. `--help` and `--version` are errors as well, with the text to print.
pub fn parse() -> Result<Verb, clap::Error> {
    let CommandLine { check, verb } = CommandLine::try_parse()?;
    let missing = || CommandLine::command().error(ErrorKind::MissingRequiredArgument, "--name is missing");
    verb.or(check.map(|arguments| Verb::Check(Box::new(arguments)))).ok_or_else(missing)
}

/// Checks a text for a header or a path: it has no spaces and no control characters.
fn plain_word(text: &str) -> Result<String, &'static str> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.to_owned()).ok_or("it is empty, or has a blank or a control character")
}
