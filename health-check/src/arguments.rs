//! The command line: words come in, a checked [`Arguments`] goes out.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::report_arguments::{self, ReportArguments};
use crate::url::{Url, UrlError};

/// What `--help` prints.
pub const HELP: &str = "\
Looks this server over once and says whether it is well.

Usage: health-check --name NAME [OPTIONS]
       health-check report --name NAME [--config FILE] [--history FILE] [--output FILE]

CPU, memory and load are always measured; everything else only when it is named.
--url, --postgres, --unit and --disk may be given several times.

  --name NAME        The stack's name; also the PostgreSQL role that is asked for
  --url URL          A site that must answer 200: http://ADDRESS[:PORT]/PATH
  --host HOST        The Host header of the request, instead of the URL's own
  --postgres SOCKET  A PostgreSQL server's Unix socket: /run/postgresql/.s.PGSQL.5432
  --postgres-url-in VARIABLE
                     An environment variable; when it has the address of a database elsewhere
                     (postgresql://…), that server is asked, and none of --postgres
  --unit UNIT        A systemd unit that must be active
  --disk PATH        A path on a file system that must have room
  --config FILE      Limits in TOML; a mistake in them is a problem of the server, and the
                     defaults hold. It need not be there. Keys: max_cpu, max_load, max_ram,
                     max_disk, max_response_time, history
  --max-cpu PERCENT  Unhealthy above it (without it: as the file says, else never)
  --max-ram PERCENT  Unhealthy above it (without it: as the file says, else 95)
  --max-disk PERCENT Unhealthy above it, of bytes or of inodes (without it: as the file says,
                     else 90)
  --log FILE         Append the line `[TIME] CPU: … | RAM: …` to FILE
  --state FILE       Replace FILE by the findings in JSON
  --history FILE     Add the findings to those of earlier checks
  --page FILE        Replace FILE by a page in HTML that shows the history
  --alert FILE       Replace FILE by variables for those who are to be alerted, if the exit
                     status is not 0; else remove it
  --json             Print that JSON, not the line
  --help             Print this text
  --version          Print the version

`report` prints that page, or writes it to --output. Without --config and --history it takes
/etc/NAME/health.toml and /var/lib/NAME/health/history.

Exit status: 0 healthy, 1 unhealthy, 2 wrong usage, 3 healthy but the log, another
file or standard output could not be written. Each site, each PostgreSQL server and
all units together get five seconds.
";

/// The longest path of a Unix socket, in bytes, without the NUL at its end (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// What the user wants.
#[derive(Debug, PartialEq)]
pub enum Request {
    Help,
    Version,
    Check(Box<Arguments>),
    Report(Box<ReportArguments>),
}

/// What to check and where to write what was found.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    pub name: String,
    pub urls: Vec<Url>,
    pub host: Option<String>,
    pub postgres: Vec<PathBuf>,
    /// The environment variable whose server takes the place of `postgres`.
    pub postgres_url_in: Option<String>,
    pub units: Vec<String>,
    pub disks: Vec<PathBuf>,
    pub config: Option<PathBuf>,
    /// Per cent, 0 to 100; this and the two below go before what `config` says.
    pub max_cpu: Option<f64>,
    /// Per cent, 0 to 100.
    pub max_ram: Option<f64>,
    /// Per cent, 0 to 100.
    pub max_disk: Option<f64>,
    pub log: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub history: Option<PathBuf>,
    pub page: Option<PathBuf>,
    pub alert: Option<PathBuf>,
    pub json: bool,
}

/// Options that may be given several times.
const REPEATED: &[&str] = &["--url", "--postgres", "--unit", "--disk"];
/// Options that may be given once.
const SINGLE: &[&str] = &[
    "--name",
    "--host",
    "--postgres-url-in",
    "--config",
    "--max-cpu",
    "--max-ram",
    "--max-disk",
    "--log",
    "--state",
    "--history",
    "--page",
    "--alert",
];

/// Why the command line cannot be understood.
#[derive(Debug, PartialEq)]
pub enum UsageError {
    Unknown(String),
    MissingValue(String),
    Twice(String),
    MissingName,
    Bad { flag: String, value: String, why: String },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "`{word}` is not an option"),
            Self::MissingValue(flag) => write!(f, "{flag} has no value"),
            Self::Twice(flag) => write!(f, "{flag} stands there twice"),
            Self::MissingName => f.write_str("--name is missing"),
            Self::Bad { flag, value, why } => write!(f, "{flag} `{value}`: {why}"),
        }
    }
}

/// Reads the words after the program's name: `--flag value` or `--flag=value`.
///
/// # Errors
/// On the first word that is not understood.
pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Request, UsageError> {
    let mut words = words.peekable();
    let report = words.next_if(|word| word == "report").is_some();
    let (repeated, single) = if report { (&[][..], report_arguments::OPTIONS) } else { (REPEATED, SINGLE) };
    let mut given: Vec<(String, OsString)> = Vec::new();
    let mut json = false;
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else { return Err(UsageError::Unknown(word.to_string_lossy().into_owned())) };
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(OsString::from(value))),
            _ => (text, None),
        };
        match (flag, &value) {
            ("--help" | "-h", None) => return Ok(Request::Help),
            ("--version" | "-V", None) => return Ok(Request::Version),
            ("--json", None) if !report => {
                json = true;
                continue;
            }
            _ if repeated.contains(&flag) => {}
            _ if single.contains(&flag) => {
                if given.iter().any(|(earlier, _)| earlier == flag) {
                    return Err(UsageError::Twice(flag.to_owned()));
                }
            }
            _ => return Err(UsageError::Unknown(text.to_owned())),
        }
        let value = value.or_else(|| words.next()).filter(|value| !value.is_empty());
        given.push((flag.to_owned(), value.ok_or_else(|| UsageError::MissingValue(flag.to_owned()))?));
    }
    match report {
        true => ReportArguments::of(given).map(|arguments| Request::Report(Box::new(arguments))),
        false => understand(given, json).map(|arguments| Request::Check(Box::new(arguments))),
    }
}

fn understand(given: Vec<(String, OsString)>, json: bool) -> Result<Arguments, UsageError> {
    let mut name = None;
    let (mut urls, mut postgres, mut units, mut disks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut postgres_url_in = None;
    let (mut host, mut max_cpu, mut max_ram, mut max_disk) = (None, None, None, None);
    let (mut config, mut log, mut state, mut history, mut page, mut alert) = (None, None, None, None, None, None);
    for (flag, value) in given {
        let bad = |why: &str| UsageError::Bad {
            flag: flag.clone(),
            value: value.to_string_lossy().into_owned(),
            why: why.to_owned(),
        };
        let text = || value.to_str().ok_or_else(|| bad("it is not UTF-8"));
        let percent = || match text()?.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
            _ => Err(bad("it is not a percentage from 0 to 100")),
        };
        match flag.as_str() {
            "--name" => name = Some(plain_word(text()?).ok_or_else(|| bad("it has a blank or a control character"))?),
            "--url" => urls.push(text()?.parse().map_err(|why: UrlError| bad(&why.to_string()))?),
            "--host" => host = Some(plain_word(text()?).ok_or_else(|| bad("it has a blank or a control character"))?),
            "--postgres-url-in" => {
                postgres_url_in = Some(variable(text()?).ok_or_else(|| bad("it is not the name of a variable"))?);
            }
            "--unit" => units.push(unit_name(text()?).ok_or_else(|| bad("it is not the name of a unit"))?),
            "--max-cpu" => max_cpu = Some(percent()?),
            "--max-ram" => max_ram = Some(percent()?),
            "--max-disk" => max_disk = Some(percent()?),
            "--postgres" if value.len() > LONGEST_SOCKET_PATH => return Err(bad("it is too long for a socket")),
            "--postgres" => postgres.push(value.into()),
            "--disk" => disks.push(value.into()),
            "--config" => config = Some(value.into()),
            "--log" => log = Some(value.into()),
            "--history" => history = Some(value.into()),
            "--page" => page = Some(value.into()),
            "--alert" => alert = Some(value.into()),
            _ => state = Some(value.into()),
        }
    }
    let name = name.ok_or(UsageError::MissingName)?;
    Ok(Arguments {
        name,
        urls,
        host,
        postgres,
        postgres_url_in,
        units,
        disks,
        config,
        max_cpu,
        max_ram,
        max_disk,
        log,
        state,
        history,
        page,
        alert,
        json,
    })
}

/// A text without blanks and control characters, which may stand in a header or a path.
pub fn plain_word(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())
}

/// The name of an environment variable.
fn variable(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| text.to_owned())
}

/// A unit's name (systemd.unit(5)), which never looks like an option or a pattern of systemctl.
fn unit_name(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let known = text.contains('.') && !text.starts_with('.') && text.bytes().all(allowed);
    // `-.mount` and `-.slice` are the only names that begin with a dash.
    (known && (!text.starts_with('-') || text.starts_with("-."))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Request, UsageError> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn flags_repeat_and_have_defaults() {
        let words = ["--name=a", "--unit", "a.service", "--unit=-.mount", "--disk", "/", "--max-cpu", "99.5"];
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
}
