//! Addresses of PostgreSQL servers: a path on the command line, or a connection string in the environment → the
//! addresses that libpq would try. A connection string has a password in it, so it is never shown.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder in which Debian's libpq looks for the socket of the local server.
const SOCKET_FOLDER: &str = "/run/postgresql";
const PORT: u16 = 5432;

/// A server with one or more addresses. The first that answers counts.
pub struct Server(pub Vec<Place>);

/// An address of a server.
#[derive(Clone)]
pub enum Place {
    /// The path of a Unix socket.
    Socket(PathBuf),
    /// A host name or an IP address without brackets, and a TCP port.
    Network(String, u16),
}

/// The servers to ask: the one of the environment variable `DATABASE_URL` instead of those at the `sockets`, if there
/// are any.
///
/// # Errors
/// When its value is not a connection string. The error is a phrase that shows no part of it.
pub fn to_ask(sockets: &[PathBuf]) -> Result<Vec<Server>, String> {
    let Some(text) = env::var_os("DATABASE_URL").filter(|text| !text.is_empty() && !sockets.is_empty()) else {
        return Ok(sockets.iter().map(|path| Server(vec![Place::Socket(path.clone())])).collect());
    };
    let server = text.to_str().ok_or("it is not UTF-8").and_then(Server::parse);
    server.map(|server| vec![server]).map_err(|why| format!("DATABASE_URL is not the address of a database: {why}"))
}

impl Server {
    /// Parses a connection string (PostgreSQL, "Connection Strings"). Parameters that it does not have
    /// are read from the environment.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let parameters = connection::parameters(text)?;
        let list = |name: &str, variable: &str| {
            let given = connection::value(&parameters, name).filter(|value| !value.is_empty()).map(str::to_owned);
            let text = given.or_else(|| env::var(variable).ok().filter(|value| !value.is_empty()));
            text.map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default()
        };
        let (hosts, addresses) = (list("host", "PGHOST"), list("hostaddr", "PGHOSTADDR"));
        let ports = list("port", "PGPORT");
        let place = |number: usize| {
            // If there is only one port, it is that of all hosts.
            let port = ports.get(if ports.len() == 1 { 0 } else { number }).map_or("", String::as_str);
            let port = match port {
                "" => PORT,
                port => {
                    port.parse().ok().filter(|port| *port != 0).ok_or("its port is not a number from 1 to 65535")?
                }
            };
            let given = [addresses.get(number), hosts.get(number)].into_iter().flatten().find(|text| !text.is_empty());
            Ok(match given.map_or(SOCKET_FOLDER, String::as_str) {
                folder if folder.starts_with('/') => Place::Socket(Path::new(folder).join(format!(".s.PGSQL.{port}"))),
                host => Place::Network(host.to_owned(), port),
            })
        };
        (0..hosts.len().max(addresses.len()).max(1)).map(place).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of the addresses is a TCP address, which may be on another machine.
    pub fn is_remote(&self) -> bool {
        self.0.iter().any(|place| matches!(place, Place::Network(..)))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.0.iter().map(Place::to_string).collect();
        f.write_str(&places.join(","))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Network(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Network(host, port) => write!(f, "{host}:{port}"),
        }
    }
}
