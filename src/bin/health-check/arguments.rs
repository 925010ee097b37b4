//! The command line: words come in, a checked [`Arguments`] goes out.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::url::{Url, UrlError};

/// What `--help` prints.
pub const HELP: &str = "\
Looks this server over once and says whether it is well.

Usage: health-check --name NAME [OPTIONS]

CPU, memory and load are always measured; everything else only when it is named.
--url, --postgres, --unit and --disk may be given several times.

  --name NAME        The stack's name; also the PostgreSQL role that is asked for
  --url URL          A site that must answer 200: http://ADDRESS[:PORT]/PATH
  --host HOST        The Host header of the request, instead of the URL's own
  --postgres SOCKET  A PostgreSQL server's Unix socket: /run/postgresql/.s.PGSQL.5432
  --unit UNIT        A systemd unit that must be active
  --disk PATH        A path on a file system that must have room
  --max-cpu PERCENT  Unhealthy above it (without it: never)
  --max-ram PERCENT  Unhealthy above it (without it: 95)
  --max-disk PERCENT Unhealthy above it, of bytes or of inodes (without it: 90)
  --log FILE         Append the line `[TIME] CPU: … | RAM: …` to FILE
  --state FILE       Replace FILE by the findings in JSON
  --json             Print that JSON, not the line
  --help             Print this text
  --version          Print the version

Exit status: 0 healthy, 1 unhealthy, 2 wrong usage, 3 healthy but the log, the state
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
}

/// What to check and where to write what was found.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    pub name: String,
    pub urls: Vec<Url>,
    pub host: Option<String>,
    pub postgres: Vec<PathBuf>,
    pub units: Vec<String>,
    pub disks: Vec<PathBuf>,
    /// Per cent, 0 to 100.
    pub max_cpu: Option<f64>,
    /// Per cent, 0 to 100.
    pub max_ram: f64,
    /// Per cent, 0 to 100.
    pub max_disk: f64,
    pub log: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub json: bool,
}

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
    let mut words = words;
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
            ("--json", None) => {
                json = true;
                continue;
            }
            ("--url" | "--postgres" | "--unit" | "--disk", _) => {}
            ("--name" | "--host" | "--max-cpu" | "--max-ram" | "--max-disk" | "--log" | "--state", _) => {
                if given.iter().any(|(earlier, _)| earlier == flag) {
                    return Err(UsageError::Twice(flag.to_owned()));
                }
            }
            _ => return Err(UsageError::Unknown(text.to_owned())),
        }
        let value = value.or_else(|| words.next()).filter(|value| !value.is_empty());
        given.push((flag.to_owned(), value.ok_or_else(|| UsageError::MissingValue(flag.to_owned()))?));
    }
    understand(given, json).map(|arguments| Request::Check(Box::new(arguments)))
}

fn understand(given: Vec<(String, OsString)>, json: bool) -> Result<Arguments, UsageError> {
    let mut name = None;
    let (mut urls, mut postgres, mut units, mut disks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut host, mut max_cpu, mut max_ram, mut max_disk) = (None, None, 95.0, 90.0);
    let (mut log, mut state) = (None, None);
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
            "--unit" => units.push(unit_name(text()?).ok_or_else(|| bad("it is not the name of a unit"))?),
            "--max-cpu" => max_cpu = Some(percent()?),
            "--max-ram" => max_ram = percent()?,
            "--max-disk" => max_disk = percent()?,
            "--postgres" if value.len() > LONGEST_SOCKET_PATH => return Err(bad("it is too long for a socket")),
            "--postgres" => postgres.push(value.into()),
            "--disk" => disks.push(value.into()),
            "--log" => log = Some(value.into()),
            _ => state = Some(value.into()),
        }
    }
    let name = name.ok_or(UsageError::MissingName)?;
    Ok(Arguments { name, urls, host, postgres, units, disks, max_cpu, max_ram, max_disk, log, state, json })
}

fn plain_word(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())
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
        assert_eq!((arguments.max_cpu, arguments.max_ram, arguments.max_disk), (Some(99.5), 95.0, 90.0));
        assert!(arguments.urls.is_empty() && arguments.log.is_none() && !arguments.json);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let bad: [&[&str]; 15] = [
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
            &["--name", "a", "--host", "a\r\nb"],
        ];
        for words in bad {
            assert!(parsed(words).is_err(), "{words:?}");
        }
        let long = "/".repeat(108);
        assert!(parsed(&["--name", "a", "--postgres", &long]).is_err());
    }
}
