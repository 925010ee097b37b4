//! The settings of the app on a new instance: variables for `/etc/NAME/NAME.env`, and the address of a database on another
//! server with the certificates that prove it. They may be secret, so they cannot be printed.

use std::fmt;

use super::database_url::{DatabaseUrl, DatabaseUrlError};
use crate::stack::{PythonError, variable_name, variable_value};

/// The variable that names a remote database.
pub const DATABASE_URL: &str = "DATABASE_URL";

/// Why settings cannot be handed over. None of these shows a value.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SettingsError {
    /// A name.
    #[error("--env: {0}")]
    #[diagnostic(help("write letters, digits and `_`, and no digit first: --env POOL_SIZE=5"))]
    Name(PythonError),
    /// A value.
    #[error(
        "--env: the value of {0} has a line break or another control character in it, which an environment file cannot hold"
    )]
    #[diagnostic(help("write the value on one line"))]
    Value(String),
    /// A name that this program's own environment lacks.
    #[error("--env {0}: there is no such variable here whose value could be taken")]
    #[diagnostic(help("set and export {0}, or write --env {0}=VALUE"))]
    Unset(String),
    /// Twice.
    #[error("--env: {0} is set twice")]
    #[diagnostic(help("leave one of them out"))]
    Twice(String),
    /// The one that has a password in it.
    #[error(
        "--env cannot set DATABASE_URL: arguments can be seen by every user of this machine, and it has a password in it"
    )]
    #[diagnostic(help("set the variable DATABASE_URL in the environment, or name a file with --database-url-file"))]
    DatabaseUrl,
    /// The address.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Address(#[from] DatabaseUrlError),
    /// Nothing to prove.
    #[error("--database-ca needs a database on another server, but DATABASE_URL is not set")]
    #[diagnostic(help("set the variable DATABASE_URL in the environment, or name a file with --database-url-file"))]
    CaAlone,
    /// Something else.
    #[error("the file given with --database-ca holds no certificate in PEM")]
    #[diagnostic(help(
        "Cloud Manager offers it as \"Download CA Certificate\": it begins with -----BEGIN CERTIFICATE-----"
    ))]
    NotPem,
    /// The stack has no use for it.
    #[error("DATABASE_URL is set, but this stack has no [database]")]
    #[diagnostic(help("unset DATABASE_URL, or add [database] to stack.toml and build the image again"))]
    NoDatabase,
}

/// All settings, checked.
#[derive(Clone, Default)]
pub struct Settings {
    variables: Vec<(String, String)>,
    ca: Option<String>,
    database: Database,
}

/// Where an instance's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Database {
    /// On the instance, or there is none.
    #[default]
    Here,
    /// On another server, which outlives the instance.
    Remote,
}

impl Settings {
    /// Reads `KEY=VALUE`, or `KEY` alone for the value that `environment` has for it.
    ///
    /// # Errors
    /// When a name or value cannot stand in an environment file, or a name comes twice.
    pub fn new(pairs: &[String], environment: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut variables: Vec<(String, String)> = Vec::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').map_or((pair.as_str(), None), |(name, value)| (name, Some(value)));
            let name = variable_name(name).map_err(SettingsError::Name)?;
            if name == DATABASE_URL {
                return Err(SettingsError::DatabaseUrl);
            }
            let value = match value {
                Some(value) => value.to_owned(),
                None => environment(&name).ok_or_else(|| SettingsError::Unset(name.clone()))?,
            };
            // To YAML, these end a line as well, or are not characters at all (YAML 1.1, 4.1 and 4.2).
            let unfit = |c| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
            if variable_value(&value).is_err() || value.contains(unfit) {
                return Err(SettingsError::Value(name));
            }
            if variables.iter().any(|(known, _)| *known == name) {
                return Err(SettingsError::Twice(name));
            }
            variables.push((name, value));
        }
        Ok(Self { variables, ca: None, database: Database::Here })
    }

    /// With a database on another server: its address, and the certificates in PEM that prove it, which will be at
    /// `ca_path`.
    ///
    /// # Errors
    /// When the address allows a connection in the clear, or `ca` is something else.
    pub fn with_database(mut self, url: &DatabaseUrl, ca: Option<&str>, ca_path: &str) -> Result<Self, SettingsError> {
        if let Some(text) = ca {
            let is_pem = text.contains("-----BEGIN CERTIFICATE-----") && text.contains("-----END CERTIFICATE-----");
            let plain = text.chars().all(|c| matches!(c, ' '..='~' | '\n' | '\r' | '\t'));
            if !is_pem || !plain || text.contains("PRIVATE KEY") {
                return Err(SettingsError::NotPem);
            }
            self.ca = Some(text.trim().to_owned());
        }
        let address = url.secured(ca.map(|_| ca_path))?;
        self.variables.push((DATABASE_URL.to_owned(), address));
        self.database = Database::Remote;
        Ok(self)
    }

    /// Names and values for the environment file.
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The certificates of the database's server.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Where the data is.
    pub fn database(&self) -> Database {
        self.database
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "Settings({})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[&str]) -> Result<Settings, SettingsError> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        Settings::new(&pairs, |name| (name == "HERE").then(|| "from here".to_owned()))
    }

    #[test]
    fn a_value_is_given_or_taken_from_here() {
        let good = settings(&["A=b=c", "HERE", "EMPTY="]).unwrap();
        let expected = [("A", "b=c"), ("HERE", "from here"), ("EMPTY", "")];
        assert_eq!(good.variables(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(format!("{good:?}"), "Settings(A, HERE, EMPTY)");
    }

    #[test]
    fn what_an_environment_file_cannot_hold_is_refused_without_showing_it() {
        for bad in [
            &["1A=secret"][..],
            &["A B=secret"],
            &["A=secret\nB=c"],
            &["A=secret\u{2028}"],
            &["GONE"],
            &["A=1", "A=2"],
            &["DATABASE_URL=postgresql://u:secret@h/d"],
        ] {
            let error = settings(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn certificates_prove_the_database() {
        let url = DatabaseUrl::new("postgresql://u:pw@db.example.org/d").unwrap();
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let settings = settings(&[]).unwrap().with_database(&url, Some(pem), "/etc/shop/ca.pem").unwrap();
        assert_eq!((settings.ca(), settings.database()), (Some(pem.trim()), Database::Remote));
        assert!(settings.variables()[0].1.ends_with("sslmode=verify-full&sslrootcert=/etc/shop/ca.pem"));
        for bad in ["", "MIIB", &pem.replace("CERTIFICATE", "PRIVATE KEY"), &format!("{pem}é")] {
            let result = Settings::default().with_database(&url, Some(bad), "/x");
            assert!(matches!(result, Err(SettingsError::NotPem)), "{bad}");
        }
    }
}
