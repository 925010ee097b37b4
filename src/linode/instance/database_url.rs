//! The address of a database on another server, with a password in it: it is read from the environment or a file, checked,
//! given what makes the connection a safe one, and never shown.

use std::fmt;

/// Why a text is no address of a remote database. None of these shows it.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum DatabaseUrlError {
    /// Its form.
    #[error("DATABASE_URL is no address of a database: {0}")]
    #[diagnostic(help(
        "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for what is special in a URL"
    ))]
    Form(&'static str),
    /// It is not on another server.
    #[error("DATABASE_URL names a database on this very machine, which the instance could not reach")]
    #[diagnostic(help(
        "name the database's server; or unset DATABASE_URL: each instance then has a database of its own"
    ))]
    Local,
    /// The password would travel in the clear.
    #[error("DATABASE_URL allows a connection that is not encrypted: sslmode={0}")]
    #[diagnostic(help("leave sslmode out, or name the server's certificates with --database-ca"))]
    Clear(String),
}

/// A checked address. It can be printed neither by `{}` nor by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// Up to the query.
    base: String,
    query: Vec<String>,
}

impl DatabaseUrl {
    /// Checks an address (libpq, "Connection URIs").
    ///
    /// # Errors
    /// When it has another form, or names no other server.
    pub fn new(text: &str) -> Result<Self, DatabaseUrlError> {
        use DatabaseUrlError::Form;
        let text = text.trim();
        let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
        let rest = rest.ok_or(Form("it does not begin with postgresql://"))?;
        if text.chars().any(|c| !c.is_ascii_graphic() || c == '#') {
            return Err(Form("it has a character that a URL has to have as %XX"));
        }
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = address.split_once('/').ok_or(Form("it names no database behind its host"))?;
        if database.is_empty() || database.contains(['/', '#']) {
            return Err(Form("it names no database behind its host"));
        }
        // A `#`, `?` or `/` in a password ends the authority early, so that what is left has no user or no host.
        let (_, hosts) =
            authority.rsplit_once('@').ok_or(Form("it names no user, or has a special character in the password"))?;
        for host in hosts.split(',') {
            check_host(host)?;
        }
        let query: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        if query.iter().any(|pair| pair.starts_with("host=") || pair.starts_with("hostaddr=") || !pair.contains('=')) {
            return Err(Form("a host belongs before the database's name, and an option needs a value"));
        }
        let begin = text.len() - rest.len();
        Ok(Self { base: format!("{}{address}", text.get(..begin).unwrap_or_default()), query })
    }

    /// The address as the app gets it, encrypted at least: with the path of a file of certificates, that file proves the
    /// server to be the one that is named.
    ///
    /// # Errors
    /// When the address itself asks for less.
    pub fn secured(&self, ca_path: Option<&str>) -> Result<String, DatabaseUrlError> {
        let own = |pair: &&String| !pair.starts_with("sslmode=") && !pair.starts_with("sslrootcert=");
        let mut query: Vec<String> = self.query.clone();
        if let Some(path) = ca_path {
            query = self.query.iter().filter(own).cloned().collect();
            query.extend(["sslmode=verify-full".to_owned(), format!("sslrootcert={path}")]);
        }
        match query.iter().find_map(|pair| pair.strip_prefix("sslmode=")) {
            Some("require" | "verify-ca" | "verify-full") => {}
            Some(other) => return Err(DatabaseUrlError::Clear(other.chars().take(20).collect())),
            None => query.push("sslmode=require".to_owned()),
        }
        Ok(format!("{}?{}", self.base, query.join("&")))
    }
}

/// A host with or without a port, on another machine.
fn check_host(text: &str) -> Result<(), DatabaseUrlError> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err(DatabaseUrlError::Form("its port is not a number from 1 to 65535"));
    }
    let local = ["", "localhost", "::1"].contains(&host) || host.starts_with("127.") || host.starts_with("%2");
    if local { Err(DatabaseUrlError::Local) } else { Ok(()) }
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
        assert_eq!(url.secured(None), Err(DatabaseUrlError::Clear("disable".into())));
        assert_eq!(format!("{url:?} {url:#?}"), "DatabaseUrl DatabaseUrl");
        assert!(DatabaseUrl::new("postgresql://u@[2001:db8::1]:5432,b.example.org/shop").is_ok());
    }

    #[test]
    fn this_machine_is_no_other_server() {
        for local in
            ["", "localhost", "localhost:5432", "127.0.0.1", "[::1]:5432", "%2Frun%2Fpostgresql", "a.example,localhost"]
        {
            let error = DatabaseUrl::new(&format!("postgresql://u:pw@{local}/shop")).unwrap_err();
            assert_eq!(error, DatabaseUrlError::Local, "{local}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
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
