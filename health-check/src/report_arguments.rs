//! The command line of `health-check report`: its options come in; which history is to be shown, and where, goes out.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::arguments::{UsageError, plain_word};

/// The options, each of which may be given once.
pub const OPTIONS: &[&str] = &["--name", "--config", "--history", "--output"];

/// Which history to show, and where.
#[derive(Debug, PartialEq)]
pub struct ReportArguments {
    pub name: String,
    pub config: PathBuf,
    pub history: PathBuf,
    /// Standard output without it.
    pub output: Option<PathBuf>,
}

impl ReportArguments {
    /// Understands options and their values. What is not given is where the package of that name has it.
    ///
    /// # Errors
    /// When there is no name, or it is none.
    pub fn of(given: Vec<(String, OsString)>) -> Result<Self, UsageError> {
        let path = |flag: &str| given.iter().find(|(known, _)| known == flag).map(|(_, value)| PathBuf::from(value));
        let name = path("--name").ok_or(UsageError::MissingName)?;
        let name = name.to_str().and_then(plain_word).ok_or_else(|| UsageError::Bad {
            flag: "--name".to_owned(),
            value: name.display().to_string(),
            why: "it has a blank or a control character".to_owned(),
        })?;
        Ok(Self {
            config: path("--config").unwrap_or_else(|| format!("/etc/{name}/health.toml").into()),
            history: path("--history").unwrap_or_else(|| format!("/var/lib/{name}/health/history").into()),
            output: path("--output"),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Request, parse};

    fn parsed(words: &[&str]) -> Result<Request, UsageError> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn a_report_knows_where_a_package_keeps_its_history() {
        let Ok(Request::Report(arguments)) = parsed(&["report", "--name", "a"]) else { panic!("refused") };
        assert_eq!(arguments.history, PathBuf::from("/var/lib/a/health/history"));
        assert_eq!((arguments.config, arguments.output), (PathBuf::from("/etc/a/health.toml"), None));
        for bad in [&["report"][..], &["report", "--name", "a", "--json"], &["report", "--name", "a", "--disk", "/"]] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
        assert!(parsed(&["--name", "a", "report"]).is_err());
    }
}
