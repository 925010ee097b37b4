//! The nginx site in front of an app: its names and ports, its certificate, and the files that nginx serves itself.

use std::path::PathBuf;

use super::pattern::Pattern;

/// The nginx site in front of the app.
#[derive(Debug, Clone)]
pub struct Site {
    /// The TCP port that nginx listens on, 1 to 65535.
    pub port: u16,
    /// Host names; `_` for every one.
    pub server_names: Vec<String>,
    /// The largest request body, as nginx writes it: `10m`.
    pub max_body_size: String,
    /// What nginx serves without the app.
    pub static_files: Vec<StaticFiles>,
    pub tls: Tls,
    /// The networks of balancers in front of the server, in CIDR notation: what they say about a visitor is believed.
    pub behind: Vec<String>,
}

/// Whether the site answers over HTTPS, at port [`HTTPS_PORT`], and with which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    Off,
    /// One that the server makes for itself, which browsers do not trust.
    SelfSigned,
    /// One of a certificate authority (RFC 8555). Until there is one, the server's own.
    Acme {
        /// Where the authority writes to.
        email: Option<String>,
        /// The address of the authority's directory.
        server: String,
    },
    /// Files that the administrator puts on the server.
    Files {
        /// The path of the certificate and those that it is signed with.
        certificate: String,
        key: String,
    },
}

/// The TCP port of HTTPS.
pub const HTTPS_PORT: u16 = 443;

/// A folder with files that nginx serves itself.
#[derive(Debug, Clone)]
pub struct StaticFiles {
    /// What the paths of the files begin with: `/static/`.
    pub path: String,
    /// The folder on the build machine, absolute.
    pub folder: PathBuf,
    /// Further files whose names change whenever they do, relative to `folder`.
    pub hashed: Vec<Pattern>,
}

impl Site {
    /// Whether it answers over HTTPS as well.
    pub fn has_tls(&self) -> bool {
        self.tls != Tls::Off
    }

    /// The TCP ports that nginx listens on for this site, the lowest first.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports = vec![self.port];
        if self.has_tls() {
            ports.push(HTTPS_PORT);
        }
        ports.sort_unstable();
        ports
    }

    /// Whether nginx passes on requests for whatever name.
    pub fn answers_to_every_name(&self) -> bool {
        self.server_names.iter().any(|name| name == "_")
    }

    /// The first of its names that is a host name, and neither a wildcard nor `_`.
    pub fn host(&self) -> Option<&str> {
        self.plain_names().next()
    }

    /// Its names as Django's setting `ALLOWED_HOSTS` has them, with commas between them: `.example.org` is that name and every
    /// one below it. `*`, which is every name, where there is no other way to say it; nginx then looks at the names alone.
    pub fn allowed_hosts(&self) -> String {
        let one = |name: &String| match name.strip_prefix('*') {
            Some(rest) => Some(rest.to_owned()),
            None => (name != "_" && !name.ends_with(".*")).then(|| name.clone()),
        };
        // The health page is asked for by a plain name.
        let names: Option<Vec<String>> = self.host().and_then(|_| self.server_names.iter().map(one).collect());
        names.map_or_else(|| "*".to_owned(), |names| names.join(","))
    }

    /// Its names that are host names, and neither wildcards nor `_`.
    pub fn plain_names(&self) -> impl Iterator<Item = &str> {
        let is_plain = |name: &&str| {
            *name != "_"
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        };
        self.server_names.iter().map(String::as_str).filter(is_plain)
    }
}
