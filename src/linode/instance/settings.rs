//! The settings of the app on a new instance: variables for `/etc/NAME/NAME.env`, and the address of a database on another
//! server with the certificates that its server is verified with. They may be secret, so they cannot be printed.

use std::env;
use std::fmt;
use std::fs;
use std::path::Path;

use super::database_url::DatabaseUrl;
use crate::linode::error::LinodeError;
use crate::render::user_data::database_ca_path;
use crate::stack::{Stack, variable_name, variable_value};

/// The variable that names a remote database.
const DATABASE_URL: &str = "DATABASE_URL";

/// Whether an address must have that part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Needed,
    Optional,
}

/// What libpq reads of the administrator's address in its environment (PostgreSQL, "Environment Variables").
const ADMINISTRATOR: [(&str, &str, Presence); 7] = [
    ("host", "PGHOST", Presence::Needed),
    ("port", "PGPORT", Presence::Optional),
    ("user", "PGUSER", Presence::Needed),
    ("password", "PGPASSWORD", Presence::Needed),
    ("dbname", "PGDATABASE", Presence::Needed),
    ("sslmode", "PGSSLMODE", Presence::Needed),
    ("sslrootcert", "PGSSLROOTCERT", Presence::Optional),
];

/// What the administrator makes, of the app's address.
const ROLE: [(&str, &str, Presence); 3] = [
    ("user", "ROLE_NAME", Presence::Needed),
    ("password", "ROLE_PASSWORD", Presence::Needed),
    ("dbname", "ROLE_DATABASE", Presence::Needed),
];

/// The help for an address that lacks a part.
const DATABASE_FORM: &str = "write it as postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE";

/// The help for errors about the way in which the address of a database is given.
const DATABASE_HELP: &str = "set the variable DATABASE_URL in the environment, or name a file with --database-url-file";

/// What the user says about the settings. Nothing of it has been checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingSources<'a> {
    /// `KEY=VALUE`, or `KEY` alone for the value that this process's environment has for it.
    pub variables: &'a [String],
    /// A file with the address of a database on another server. Without one, the environment's `DATABASE_URL` is used.
    pub database_url_file: Option<&'a Path>,
    /// A file with the address of that database as its administrator, who makes the app's role.
    pub database_admin_url_file: Option<&'a Path>,
    /// A file with certificates in PEM that the database's server is verified with.
    pub database_ca_file: Option<&'a Path>,
}

/// The settings of an app, checked.
#[derive(Clone, Default)]
pub struct AppSettings {
    variables: Vec<(String, String)>,
    database_admin: Vec<(String, String)>,
    database_ca: Option<String>,
    database: DatabaseLocation,
}

/// Where the data of an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DatabaseLocation {
    /// On the instance. Also when the stack has no database.
    #[default]
    Local,
    /// On another server. It stays when the instance is removed.
    Remote,
}

impl AppSettings {
    /// Reads all settings, from the files and the environment that the user names.
    ///
    /// # Errors
    /// When a file cannot be read, a setting is not valid, or the stack has no use for a database. No error shows a value.
    pub fn collect(stack: &Stack, sources: &SettingSources) -> Result<Self, LinodeError> {
        let settings = Self::new(sources.variables, |name| env::var(name).ok())?;
        let url = match sources.database_url_file {
            Some(path) => Some(read("the file that --database-url-file names,", path)?),
            None => env::var(DATABASE_URL).ok().filter(|value| !value.is_empty()),
        };
        let admin = sources
            .database_admin_url_file
            .map(|path| read("the file that --database-admin-url-file names,", path))
            .transpose()?;
        let ca = sources.database_ca_file.map(|path| read("the file that --database-ca names,", path)).transpose()?;
        match url {
            None if ca.is_some() => Err(LinodeError::argument(
                "--database-ca needs a database on another server, but DATABASE_URL is not set",
                DATABASE_HELP,
            )),
            None if admin.is_some() => Err(LinodeError::argument(
                "--database-admin-url-file needs the app's own address, but DATABASE_URL is not set",
                "set DATABASE_URL to postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE with a new role, password and database",
            )),
            None => Ok(settings),
            Some(_) if stack.database.is_none() => Err(LinodeError::argument(
                "DATABASE_URL is set, but this stack has no [database]",
                "unset DATABASE_URL, or add [database] to stack.toml and build the image again",
            )),
            Some(url) => {
                let ca_path = database_ca_path(&stack.package.name);
                let settings = settings.with_database(&DatabaseUrl::new(&url)?, ca.as_deref(), &ca_path)?;
                match admin {
                    Some(admin) => settings.with_administrator(&DatabaseUrl::of_administrator(&admin)?, &ca_path),
                    None => Ok(settings),
                }
            }
        }
    }

    /// Reads `KEY=VALUE`, or `KEY` alone for the value that `environment` has for it.
    fn new(pairs: &[String], environment: impl Fn(&str) -> Option<String>) -> Result<Self, LinodeError> {
        let mut variables: Vec<(String, String)> = Vec::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').map_or((pair.as_str(), None), |(name, value)| (name, Some(value)));
            let name = variable_name(name).map_err(|error| {
                let help = "use letters, digits and `_`, and begin with no digit: --env POOL_SIZE=5";
                LinodeError::argument(format!("--env: {error}"), help)
            })?;
            if name == DATABASE_URL {
                return Err(LinodeError::argument(
                    "--env cannot set DATABASE_URL: it contains a password, and every user of this machine can see arguments",
                    DATABASE_HELP,
                ));
            }
            let value = match value {
                Some(value) => value.to_owned(),
                None => environment(&name).ok_or_else(|| {
                    let help = "set and export it, or write --env KEY=VALUE";
                    LinodeError::argument(format!("--env {name}: the environment has no such variable"), help)
                })?,
            };
            if !fits_user_data(&value) {
                return Err(LinodeError::argument(
                    format!(
                        "--env: the value of {name} has a line break or another control character, which an environment \
                         file cannot hold"
                    ),
                    "write the value on one line",
                ));
            }
            if variables.iter().any(|(known, _)| *known == name) {
                return Err(LinodeError::argument(format!("--env: {name} is set twice"), "leave one of them out"));
            }
            variables.push((name, value));
        }
        Ok(Self { variables, ..Self::default() })
    }

    /// Adds a database on another server. `ca` are certificates in PEM; the instance gets them as the file `ca_path`.
    fn with_database(mut self, url: &DatabaseUrl, ca: Option<&str>, ca_path: &str) -> Result<Self, LinodeError> {
        if let Some(text) = ca {
            let is_pem = text.contains("-----BEGIN CERTIFICATE-----") && text.contains("-----END CERTIFICATE-----");
            let plain = text.chars().all(|c| matches!(c, ' '..='~' | '\n' | '\r' | '\t'));
            if !is_pem || !plain || text.contains("PRIVATE KEY") {
                return Err(LinodeError::argument(
                    "the file given with --database-ca holds no certificate in PEM",
                    "Cloud Manager offers it as \"Download CA Certificate\": it begins with -----BEGIN CERTIFICATE-----",
                ));
            }
            self.database_ca = Some(text.trim().to_owned());
        }
        let address = url.secured(ca.map(|_| ca_path))?;
        self.variables.push((DATABASE_URL.to_owned(), address));
        self.database = DatabaseLocation::Remote;
        Ok(self)
    }

    /// Adds the administrator of the database, who makes the role and the database of the app's address.
    fn with_administrator(mut self, url: &DatabaseUrl, ca_path: &str) -> Result<Self, LinodeError> {
        let address = url.secured(self.database_ca.as_ref().map(|_| ca_path))?;
        let own = self.variables.iter().find(|(name, _)| name == DATABASE_URL).map(|(_, value)| value.as_str());
        let mut variables = named("the file that --database-admin-url-file names", &address, &ADMINISTRATOR)?;
        variables.extend(named(DATABASE_URL, own.unwrap_or_default(), &ROLE)?);
        self.database_admin = variables;
        Ok(self)
    }

    /// Names and values for the file with which the instance makes the app's role; none when the role exists.
    pub fn database_admin(&self) -> &[(String, String)] {
        &self.database_admin
    }

    /// Names and values for the environment file.
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The certificates that the database's server is verified with, in PEM.
    pub fn database_ca(&self) -> Option<&str> {
        self.database_ca.as_deref()
    }

    pub fn database(&self) -> DatabaseLocation {
        self.database
    }
}

/// Whether a value is one line of an environment file, and of the user data that brings it. YAML takes the first two characters
/// for line breaks, and the others are no characters there (YAML 1.1, 4.1 and 4.2).
fn fits_user_data(value: &str) -> bool {
    let unfit = |c| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    variable_value(value).is_ok() && !value.contains(unfit)
}

/// The parts of an address that have a name in `names`, under these names.
fn named(what: &str, address: &str, names: &[(&str, &str, Presence)]) -> Result<Vec<(String, String)>, LinodeError> {
    let bad = |why: &str| LinodeError::argument(format!("{what} is not complete: {why}"), DATABASE_FORM);
    let parameters = connection::parameters(address).map_err(bad)?;
    let mut found = Vec::new();
    for (part, name, needed) in names {
        match connection::value(&parameters, part).filter(|value| !value.is_empty()) {
            Some(value) if fits_user_data(value) => found.push(((*name).to_owned(), value.to_owned())),
            Some(_) => return Err(bad(&format!("its {part} has a line break or another control character"))),
            None if *needed == Presence::Needed => return Err(bad(&format!("it has no {part}"))),
            None => {}
        }
    }
    Ok(found)
}

fn read(what: &'static str, path: &Path) -> Result<String, LinodeError> {
    let help = "check that it exists and that you may read it";
    fs::read_to_string(path).map_err(|source| LinodeError::Read { what, path: path.to_owned(), source, help })
}

impl fmt::Debug for AppSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "AppSettings({})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[&str]) -> Result<AppSettings, LinodeError> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        AppSettings::new(&pairs, |name| (name == "HERE").then(|| "from here".to_owned()))
    }

    #[test]
    fn a_value_is_given_or_taken_from_here() {
        let good = settings(&["A=b=c", "HERE", "EMPTY="]).unwrap();
        let expected = [("A", "b=c"), ("HERE", "from here"), ("EMPTY", "")];
        assert_eq!(good.variables(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(format!("{good:?}"), "AppSettings(A, HERE, EMPTY)");
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
        assert_eq!((settings.database_ca(), settings.database()), (Some(pem.trim()), DatabaseLocation::Remote));
        assert!(settings.variables()[0].1.ends_with("sslmode=verify-full&sslrootcert=/etc/shop/ca.pem"));
        for bad in ["", "MIIB", &pem.replace("CERTIFICATE", "PRIVATE KEY"), &format!("{pem}é")] {
            let error = AppSettings::default().with_database(&url, Some(bad), "/x").unwrap_err();
            assert!(error.to_string().contains("holds no certificate in PEM"), "{bad}");
        }
    }
}
