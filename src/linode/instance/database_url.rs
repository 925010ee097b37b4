//! The address of a database on another server: a text → an address that makes the app encrypt its connection. It
//! contains a password, so no error and no `{:?}` shows it.

use std::fmt;

use connection::Uri;

use crate::linode::error::LinodeError;

/// The help for an address that has another form.
const FORM: &str = "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for what is special in a URL";

/// Names of those who administer a managed PostgreSQL, or any: Linode's now and before, PostgreSQL's, and other providers'.
const ADMINISTRATORS: [&str; 6] = ["akmadmin", "linpostgres", "linroot", "postgres", "avnadmin", "doadmin"];

/// The address of a database on another server.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The part of the URL before its query.
    base: String,
    query: Vec<String>,
}

impl DatabaseUrl {
    /// Reads the app's address (libpq, "Connection URIs").
    ///
    /// # Errors
    /// When it has another form, names a database on this machine, or names an administrator. The error does not show the
    /// address.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        let url = Self::of_administrator(text)?;
        let user = Uri::parse(text.trim()).and_then(Result::ok).and_then(|uri| uri.user).unwrap_or_default();
        if ADMINISTRATORS.contains(&user) {
            return Err(LinodeError::argument(
                format!(
                    "DATABASE_URL names {user}, who administers the database server: whoever takes over the app would have \
                     every database there"
                ),
                "put this address into a file for --database-admin-url-file, and an address with a role of the app's own, a \
                 new password and a database of its own into DATABASE_URL: the instance makes that role and that database",
            ));
        }
        Ok(url)
    }

    /// Reads an address that may be an administrator's.
    ///
    /// # Errors
    /// As [`DatabaseUrl::new`], except for the administrator.
    pub fn of_administrator(text: &str) -> Result<Self, LinodeError> {
        let text = text.trim();
        let uri = Uri::parse(text).ok_or_else(|| malformed("it does not begin with postgresql://"))?;
        let uri = uri.map_err(malformed)?;
        if text.chars().any(|c| !c.is_ascii_graphic() || c == '#') {
            return Err(malformed("it has a character that a URL must have as %XX"));
        }
        if uri.database.is_none_or(|database| database.is_empty() || database.contains('/')) {
            return Err(malformed("it names no database after its host"));
        }
        // A `?` or `/` in a password ends it early, so that there is no user. An `@` in it leaves a second one in the
        // hosts.
        if uri.user.is_none() || uri.authority.contains('@') {
            return Err(malformed("it names no user, or has a special character in the password"));
        }
        for (host, port) in &uri.hosts {
            check_host(host, port)?;
        }
        let query: Vec<String> = uri.options.iter().map(|option| (*option).to_owned()).collect();
        if query.iter().any(|pair| pair.starts_with("host=") || pair.starts_with("hostaddr=") || !pair.contains('=')) {
            return Err(malformed("a host belongs before the name of the database, and an option needs a value"));
        }
        Ok(Self { base: text.split('?').next().unwrap_or_default().to_owned(), query })
    }

    /// The address that the app gets: it demands an encrypted connection. With the path of a file of certificates, it
    /// also demands that the server proves by them to be the one that the address names.
    ///
    /// # Errors
    /// When the address itself allows a connection that is not encrypted.
    pub fn secured(&self, ca_path: Option<&str>) -> Result<String, LinodeError> {
        let own = |pair: &&String| !pair.starts_with("sslmode=") && !pair.starts_with("sslrootcert=");
        let mut query: Vec<String> = self.query.clone();
        if let Some(path) = ca_path {
            query = self.query.iter().filter(own).cloned().collect();
            query.extend(["sslmode=verify-full".to_owned(), format!("sslrootcert={path}")]);
        }
        match query.iter().find_map(|pair| pair.strip_prefix("sslmode=")) {
            Some("require" | "verify-ca" | "verify-full") => {}
            Some(other) => {
                let other: String = other.chars().take(20).collect();
                return Err(LinodeError::argument(
                    format!("DATABASE_URL allows a connection that is not encrypted: sslmode={other}"),
                    "leave sslmode out, or name the server's certificates with --database-ca",
                ));
            }
            None => query.push("sslmode=require".to_owned()),
        }
        Ok(format!("{}?{}", self.base, query.join("&")))
    }
}

fn malformed(reason: &str) -> LinodeError {
    LinodeError::argument(format!("DATABASE_URL is not the address of a database: {reason}"), FORM)
}

/// Checks a host with or without a port. It must be another machine.
fn check_host(host: &str, port: &str) -> Result<(), LinodeError> {
    if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(malformed("its port is not a number from 1 to 65535"));
    }
    let local = ["", "localhost", "::1"].contains(&host) || host.starts_with("127.") || host.starts_with("%2");
    if !local {
        return Ok(());
    }
    Err(LinodeError::argument(
        "DATABASE_URL names a database on this very machine, which the instance could not reach",
        "name the database's server; or unset DATABASE_URL: each instance then has a database of its own",
    ))
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_database_is_reached_safely_or_not_at_all() {
        let url = DatabaseUrl::new("postgresql://u:pw@db.example.org:5432/shop?application_name=a\n").unwrap();
        assert_eq!(
            url.secured(None).unwrap(),
            "postgresql://u:pw@db.example.org:5432/shop?application_name=a&sslmode=require"
        );
        let url = DatabaseUrl::new("postgres://u:pw@10.0.0.2/shop?sslmode=disable").unwrap();
        assert_eq!(
            url.secured(Some("/etc/shop/ca")).unwrap(),
            "postgres://u:pw@10.0.0.2/shop?sslmode=verify-full&sslrootcert=/etc/shop/ca"
        );
        assert!(url.secured(None).unwrap_err().to_string().ends_with("not encrypted: sslmode=disable"));
        assert_eq!(format!("{url:?} {url:#?}"), "DatabaseUrl DatabaseUrl");
        assert!(DatabaseUrl::new("postgresql://u@[2001:db8::1]:5432,b.example.org/shop").is_ok());
    }

    #[test]
    fn the_app_is_no_administrator() {
        for user in ADMINISTRATORS {
            let text = format!("postgresql://{user}:secret@db.example.org/shop");
            let error = DatabaseUrl::new(&text).unwrap_err().to_string();
            assert!(error.contains(user) && !error.contains("secret"), "{error}");
            assert!(DatabaseUrl::of_administrator(&text).is_ok());
        }
    }

    #[test]
    fn this_machine_is_no_other_server() {
        for local in
            ["", "localhost", "localhost:5432", "127.0.0.1", "[::1]:5432", "%2Frun%2Fpostgresql", "a.example,localhost"]
        {
            let error = DatabaseUrl::new(&format!("postgresql://u:pw@{local}/shop")).unwrap_err();
            assert!(error.to_string().contains("on this very machine"), "{local}: {error}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_without_showing_it() {
        let bad = [
            "",
            "mysql://u:secret@h/d",
            "postgresql://u:secret@h",
            "postgresql://u:secret@h/",
            "postgresql://h/d",
            "postgresql://u:sec ret@h/d",
            "postgresql://u:secret#x@h/d",
            "postgresql://u:sec/ret@h/d",
            "postgresql://u:secret@h:x/d",
            "postgresql://u:secret@h/d?host=/run",
            "postgresql://u:secret@h/d?x",
        ];
        for text in bad {
            let error = DatabaseUrl::new(text).map(|url| url.secured(None)).unwrap_err();
            assert!(!error.to_string().contains("sec"), "{text}: {error}");
        }
    }
}
