//! Connection strings of PostgreSQL (PostgreSQL, "Connection Strings"), with the rules of libpq: a text → its
//! parameters, or a service file and the password.
//!
//! A connection string has a password in it, so no error and no `Debug` here shows any part of one.

use std::fmt;

/// Names and values, in the order of the text.
pub type Parameters = Vec<(String, String)>;

/// The parts of `postgresql://USER:PASSWORD@HOST:PORT,…/DATABASE?NAME=VALUE&…`, as they are
/// written: `%XX` is not resolved.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri<'a> {
    /// It ends with `://`.
    pub scheme: &'a str,
    /// `None` without an `@`.
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    /// Between user and database: hosts and ports.
    pub authority: &'a str,
    /// Names or addresses, the latter without brackets, and ports; what is not there is empty. There is one at least.
    pub hosts: Vec<(&'a str, &'a str)>,
    /// `None` without a `/` behind the hosts.
    pub database: Option<&'a str>,
    pub options: Vec<&'a str>,
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uri")
    }
}

impl<'a> Uri<'a> {
    /// Takes a URI apart; `None` for a text of the other form, which begins with no scheme.
    ///
    /// # Errors
    /// When a bracket is not closed.
    pub fn parse(text: &'a str) -> Option<Result<Self, &'static str>> {
        let schemes = ["postgresql://", "postgres://"];
        let (scheme, rest) = schemes.iter().find_map(|scheme| Some((*scheme, text.strip_prefix(scheme)?)))?;
        Some(Self::parts(scheme, rest))
    }

    fn parts(scheme: &'a str, rest: &'a str) -> Result<Self, &'static str> {
        // The first `@` ends user and password, unless a `/` comes before it.
        let (user_info, rest) = match rest.find(['@', '/']).and_then(|end| rest.split_at_checked(end)) {
            Some((user_info, after)) if after.starts_with('@') => (Some(user_info), after.get(1..).unwrap_or_default()),
            _ => (None, rest),
        };
        let (user, password) =
            match user_info.map(|info| info.split_once(':').map_or((info, None), |(u, p)| (u, Some(p)))) {
                Some((user, password)) => (Some(user), password),
                None => (None, None),
            };
        let (address, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = address.split_once('/').map_or((address, None), |(a, d)| (a, Some(d)));
        let hosts = authority.split(',').map(|host| match host.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']').ok_or("a bracket is not closed")?;
                Ok((host, after.strip_prefix(':').unwrap_or(after)))
            }
            None => Ok(host.split_once(':').unwrap_or((host, ""))),
        });
        let hosts = hosts.collect::<Result<_, &'static str>>()?;
        let options = options.split('&').filter(|option| !option.is_empty()).collect();
        Ok(Self { scheme, user, password, authority, hosts, database, options })
    }

    /// Its parameters; of several with one name, the last holds.
    fn parameters(&self) -> Result<Parameters, &'static str> {
        let mut found = Vec::new();
        for (name, value) in [("user", self.user), ("password", self.password), ("dbname", self.database)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                found.push((name.to_owned(), decoded(value)?));
            }
        }
        let hosts: Result<Vec<String>, _> = self.hosts.iter().map(|(host, _)| decoded(host)).collect();
        found.push(("host".to_owned(), hosts?.join(",")));
        let ports: Vec<&str> = self.hosts.iter().map(|(_, port)| *port).collect();
        if ports.iter().any(|port| !port.is_empty()) {
            found.push(("port".to_owned(), ports.join(",")));
        }
        for option in &self.options {
            let (name, value) = option.split_once('=').ok_or("an option has no value")?;
            found.push((decoded(name)?, decoded(value)?));
        }
        Ok(found)
    }
}

/// The parameters of a connection string of either form.
///
/// # Errors
/// When it has neither form; in words that show nothing of it.
pub fn parameters(text: &str) -> Result<Parameters, &'static str> {
    match Uri::parse(text) {
        Some(uri) => uri?.parameters(),
        None => keywords(text),
    }
}

/// The value of a parameter. Of several with one name, the last holds.
pub fn value<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The connection string as a section of a service file (PostgreSQL, "The Connection Service File"), without its
/// password; and the password, for the environment. Every user of the machine can see the arguments of a program, so no
/// part of a connection string may be among them: a mistake in it may turn a password into the name of a host.
///
/// # Errors
/// As for [`parameters`], and when a parameter cannot stand in such a file, in words that show nothing of it.
pub fn service_file(text: &str, section: &str) -> Result<(String, Option<String>), &'static str> {
    let mut parameters = parameters(text)?;
    if Uri::parse(text).is_some() {
        // libpq takes this from the addresses of JDBC.
        for parameter in &mut parameters {
            if parameter.0 == "ssl" && parameter.1 == "true" {
                *parameter = ("sslmode".to_owned(), "require".to_owned());
            }
        }
    }
    let mut lines = format!("[{section}]\n");
    for (number, (name, value)) in parameters.iter().enumerate() {
        let again = parameters.iter().skip(number.saturating_add(1)).any(|(later, _)| later == name);
        // In a file the first value of a name holds, elsewhere the last. An empty value counts as missing.
        if again || value.is_empty() || name == "password" {
            continue;
        }
        check_parameter(name, value)?;
        lines.push_str(&format!("{name}={value}\n"));
    }
    let password = value(&parameters, "password").filter(|password| !password.is_empty()).map(str::to_owned);
    Ok((lines, password))
}

/// Where a database on this machine is that is reached over a Unix socket: parameters for the environment of libpq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The folder of the socket; empty for the usual one.
    pub host: String,
    /// Empty for the usual one.
    pub port: String,
    pub database: String,
}

/// Where the database is, if a connection string leads `user` to one of this machine, over a Unix socket and by the
/// user's own name (peer authentication).
///
/// # Errors
/// As for [`parameters`].
pub fn local(text: &str, user: &str) -> Result<Option<Local>, &'static str> {
    let parameters = parameters(text)?;
    let given = |name: &str| value(&parameters, name).unwrap_or_default();
    let is_socket = given("host").split(',').all(|host| host.is_empty() || host.starts_with(['/', '@']));
    let elsewhere = ["hostaddr", "service", "password"].iter().any(|name| !given(name).is_empty());
    if !is_socket || elsewhere || !(given("user").is_empty() || given("user") == user) || given("host").contains(',') {
        return Ok(None);
    }
    let database = if given("dbname").is_empty() { user } else { given("dbname") };
    Ok(Some(Local { host: given("host").to_owned(), port: given("port").to_owned(), database: database.to_owned() }))
}

/// Refuses what libpq would read in another way in a service file, and what is surely a mistake.
fn check_parameter(name: &str, value: &str) -> Result<(), &'static str> {
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') || name.starts_with("ldap") {
        return Err("the name of a parameter is not one of libpq's");
    }
    if value.contains(['\n', '\r']) || value.ends_with(|last: char| last.is_ascii_whitespace()) {
        return Err("the value of a parameter has a line break, or ends with a blank");
    }
    match name {
        "service" => Err("it names a service of a service file; write the parameters of the service in its place"),
        "host" if value.contains('@') => Err("its host has an `@`; write an `@` in a password as %40"),
        "port" if !value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') => {
            Err("its port is not a number; write a `/` in a password as %2F, and a `:` as %3A")
        }
        _ => Ok(()),
    }
}

/// Resolves `%XX` (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "a `%` is not followed by two hexadecimal digits of UTF-8";
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits =
            piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())).ok_or(WRONG)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| WRONG)?);
        bytes.extend_from_slice(piece.as_bytes().get(2..).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

/// Reads `NAME = VALUE` pairs between blanks: a value may stand in single quotes, and a backslash takes the
/// next character as it is.
fn keywords(text: &str) -> Result<Parameters, &'static str> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("it is neither postgresql://… nor NAME=VALUE")?;
        let after = after.trim_ascii_start();
        let (quoted, mut characters) = match after.strip_prefix('\'') {
            Some(inner) => (true, inner.chars()),
            None => (false, after.chars()),
        };
        let mut value = String::new();
        loop {
            match characters.next() {
                Some('\\') => value.extend(characters.next()),
                Some('\'') if quoted => break,
                Some(character) if !quoted && character.is_ascii_whitespace() => break,
                Some(character) => value.push(character),
                None if quoted => return Err("a quote is not closed"),
                None => break,
            }
        }
        pairs.push((name.trim_ascii().to_owned(), value));
        rest = characters.as_str().trim_ascii_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_file_has_all_but_the_password() {
        for (text, lines, password) in [
            (
                "postgresql://u:p%40w@h:1/d?options=-c%20a%3Db",
                "user=u dbname=d host=h port=1 options=-c·a=b",
                Some("p@w"),
            ),
            ("postgres://u:p%25s%20%2fw@/d?host=%2Frun", "user=u dbname=d host=/run", Some("p%s /w")),
            (
                "postgresql://u:a@[::1]:2,h/d?password=b&sslmode=x",
                "user=u dbname=d host=::1,h port=2, sslmode=x",
                Some("b"),
            ),
            ("postgresql://u:@h/d?ssl=true", "user=u dbname=d host=h sslmode=require", None),
            ("postgresql://h?p%61ssword=a", "host=h", Some("a")),
            ("postgresql:///d", "dbname=d", None),
            ("host = h password='it\\'s h=x ' dbname=a\\ b", "host=h dbname=a·b", Some("it's h=x ")),
            ("dbname=a dbname='c\\\\\\'b' sslpassword=s", "dbname=c\\'b sslpassword=s", None),
        ] {
            let expected = format!("[x]\n{}\n", lines.replace(' ', "\n").replace('·', " "));
            assert_eq!(service_file(text, "x"), Ok((expected, password.map(str::to_owned))), "{text}");
        }
    }

    #[test]
    fn a_socket_is_on_this_machine() {
        for (text, host, port, database) in [
            ("postgresql:///shop?host=/run/postgresql", "/run/postgresql", "", "shop"),
            ("postgresql:///shop", "", "", "shop"),
            ("postgresql://", "", "", "app"),
            ("postgresql://%2Frun%2Fpostgresql:5433/shop", "/run/postgresql", "5433", "shop"),
            ("postgresql://app@/shop", "", "", "shop"),
            ("host=/run/postgresql dbname=shop port=5433", "/run/postgresql", "5433", "shop"),
        ] {
            let expected = Local { host: host.to_owned(), port: port.to_owned(), database: database.to_owned() };
            assert_eq!(local(text, "app"), Ok(Some(expected)), "{text}");
        }
        for text in [
            "postgresql://db.example.org/shop",
            "postgresql://localhost/shop",
            "postgresql://other@/shop",
            "postgresql://app:secret@/shop",
            "postgresql:///shop?hostaddr=10.0.0.1",
            "host=/run/postgresql,db.example.org dbname=shop",
            "service=shop",
        ] {
            assert_eq!(local(text, "app"), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_libpq_would_read_in_another_way_is_refused() {
        for text in [
            "postgresql://u:se@cret@h/d",
            "postgresql://u:a/secret@h/d",
            "postgresql://u@h/d?service=secret",
            "postgresql://u@h/d?application_name=a%0Apassword%3Dsecret",
            "postgresql://u@h/d?%5Bx%5D=secret",
            "postgresql://u@h/d?ldap=secret",
            "host=h sslpassword='secret '",
        ] {
            let why = service_file(text, "x").unwrap_err();
            assert!(!why.contains("cret"), "{text}: {why}");
        }
    }

    #[test]
    fn what_has_neither_form_is_refused_without_showing_it() {
        for text in [
            "secret",
            "postgresql://u:secret@[::1/d",
            "postgresql://u:secret@a%2/d",
            "postgresql://u:secret%ff@a/d",
            "postgresql://u:secret@a/d?sslmode",
            "host='a password=secret",
        ] {
            let why = service_file(text, "x").unwrap_err();
            assert!(!why.contains("secret"), "{text}: {why}");
        }
    }
}
