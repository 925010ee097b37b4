//! The choice of mirrors: `stack.toml` and apt's files (sources.list(5)) → two addresses. The mirrors of this machine's
//! apt are used only if they are of the same distribution as the suite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::suite::Suite;
use crate::control::Stanzas;
use crate::system::http;
use crate::system::words::keep_secret;

/// The mirrors of a suite. The addresses have no slash at the end; `dists/` and `pool/` are below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The archive with the suite itself and its updates.
    pub main: String,
    /// The archive with the security updates. It may be the same one.
    pub security: String,
}

impl Sources {
    /// The address of the archive with that part of a suite: `trixie`, `trixie-updates` or `trixie-security`.
    pub fn base_of(&self, suite: &Suite, pocket: &str) -> &str {
        if pocket == suite.security { &self.security } else { &self.main }
    }
}

/// Why no mirror was found.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourcesError {
    #[error("no mirror is known for {suite}: neither stack.toml nor this machine's apt sources name one")]
    #[diagnostic(help(
        "write into stack.toml under [image]: `mirror = \"http://…\"`, an address with dists/{name} below it"
    ))]
    NoMirror { suite: String, name: &'static str },
    #[error(
        "no mirror is known for the security updates of {suite}: neither stack.toml nor this machine's apt names one"
    )]
    #[diagnostic(help(
        "write into stack.toml under [image]: `security-mirror = \"http://…\"`, an address with dists/{name} below it"
    ))]
    NoSecurityMirror {
        suite: String,
        /// The folder of its security updates under `dists/`.
        name: &'static str,
    },
    /// The address would get into files that everybody can read: apt's sources in the image, the manifest, messages.
    #[error("the apt sources of this machine name {address} with a user name and a password")]
    #[diagnostic(help(
        "move them to /etc/apt/auth.conf.d (apt_auth.conf(5)) and name, under [image] in stack.toml, a mirror that needs no \
         password: `mirror = \"http://…\"`, `security-mirror = \"http://…\"`"
    ))]
    Credentials {
        /// Without the user name and the password.
        address: String,
    },
    /// One of apt's files cannot be read.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("make it readable, or name the mirrors under [image] in stack.toml"))]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// One address and one suite in apt's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// The address of the archive, without a slash at the end.
    pub uri: String,
    /// Its name or codename: `trixie`, `stable-updates`.
    pub suite: String,
}

/// Finds the mirrors of `suite`. The addresses in `stack.toml` (`mirror`, `security_mirror`) are preferred to those in
/// apt's files below `root`, which is `/` except in tests.
///
/// # Errors
/// When there is no mirror in either, or one of apt's files cannot be read.
pub fn find(
    suite: &'static Suite,
    mirror: Option<&str>,
    security_mirror: Option<&str>,
    root: &Path,
) -> Result<Sources, SourcesError> {
    let trimmed = |uri: &str| uri.trim_end_matches('/').to_owned();
    let mut main = mirror.map(trimmed);
    let mut security = security_mirror.map(trimmed);
    if main.is_none() || security.is_none() {
        let ours: Vec<SourceEntry> =
            host_entries(root)?.into_iter().filter(|entry| suite.distribution.has_suite(&entry.suite)).collect();
        let first =
            |wanted: bool| ours.iter().find(|entry| is_security(entry) == wanted).map(|entry| entry.uri.clone());
        main = main.or_else(|| first(false));
        security = security.or_else(|| first(true));
    }
    let main = main.ok_or_else(|| SourcesError::NoMirror { suite: suite.title(), name: suite.name })?;
    let missing = || SourcesError::NoSecurityMirror { suite: suite.title(), name: suite.security };
    let security = security.ok_or_else(missing)?;
    for address in [&main, &security] {
        if let Some(credentials) = http::credentials(address) {
            keep_secret(credentials);
            return Err(SourcesError::Credentials { address: http::without_credentials(address) });
        }
    }
    Ok(Sources { main, security })
}

fn is_security(entry: &SourceEntry) -> bool {
    entry.suite.ends_with("-security") || entry.suite.ends_with("/updates")
}

/// Reads apt's files below `root`, in the order in which apt reads them.
fn host_entries(root: &Path) -> Result<Vec<SourceEntry>, SourcesError> {
    let fail = |path: &Path| {
        let path = path.display().to_string();
        |source| SourcesError::Read { path, source }
    };
    let mut files = vec![root.join("etc/apt/sources.list")];
    let parts = root.join("etc/apt/sources.list.d");
    let mut more: Vec<PathBuf> = Vec::new();
    match fs::read_dir(&parts) {
        Ok(entries) => {
            for entry in entries {
                more.push(entry.map_err(fail(&parts))?.path());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(&parts)(error)),
    }
    more.sort();
    files.extend(more);
    let mut found = Vec::new();
    for path in files {
        let parse: fn(&str) -> Vec<SourceEntry> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_one_line,
            Some("sources") => parse_deb822,
            _ => continue,
        };
        match fs::read(&path) {
            Ok(bytes) => found.extend(parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(&path)(error)),
        }
    }
    Ok(found)
}

/// Reads the one-line style: `deb [option=value …] uri suite [component …]`. Lines of another form, for other
/// architectures, or with an address that we cannot download from, are skipped: it is apt that complains
/// about mistakes in its files.
pub fn parse_one_line(text: &str) -> Vec<SourceEntry> {
    let mut entries = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '['])) else { continue };
        let rest = rest.trim_start();
        let (options, rest) = match rest.strip_prefix('[').map(|inside| inside.split_once(']')) {
            Some(Some((options, rest))) => (options, rest),
            Some(None) => continue,
            None => ("", rest),
        };
        let architectures = options.split_whitespace().find_map(|option| option.strip_prefix("arch="));
        if architectures.is_some_and(|list| !list.split(',').any(|name| name == "amd64")) {
            continue;
        }
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            entries.extend(entry(uri, suite));
        }
    }
    entries
}

/// Reads the deb822 style: stanzas with `Types`, `URIs` and `Suites`. Reading stops where a file is not control data.
pub fn parse_deb822(text: &str) -> Vec<SourceEntry> {
    let mut entries = Vec::new();
    for stanza in Stanzas::new(text.as_bytes()).map_while(Result::ok) {
        let words = |field: &str| -> Vec<&str> { stanza.get(field).unwrap_or_default().split_whitespace().collect() };
        let disabled = words("Enabled").first().is_some_and(|word| {
            ["no", "false", "without", "off", "disable", "0"].iter().any(|no| word.eq_ignore_ascii_case(no))
        });
        let architectures = words("Architectures");
        let other_architecture = !architectures.is_empty() && !architectures.contains(&"amd64");
        if disabled || other_architecture || !words("Types").contains(&"deb") {
            continue;
        }
        for uri in words("URIs") {
            entries.extend(words("Suites").into_iter().filter_map(|suite| entry(uri, suite)));
        }
    }
    entries
}

/// Returns `None` for an address that we cannot download from, such as `cdrom:`, `mirror+file:` or `tor+http:`.
fn entry(uri: &str, suite: &str) -> Option<SourceEntry> {
    let known = ["http://", "https://", "file:/"].iter().any(|scheme| uri.starts_with(scheme));
    known.then(|| SourceEntry { uri: uri.trim_end_matches('/').to_owned(), suite: suite.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[SourceEntry]) -> Vec<(&str, &str)> {
        entries.iter().map(|entry| (entry.uri.as_str(), entry.suite.as_str())).collect()
    }

    #[test]
    fn one_line_style() {
        let text = "# deb http://a.example/x trixie main\n\
            deb [ signed-by=/k.gpg arch=amd64,arm64 ] http://b.example/debian/ trixie main contrib # why\n\
            deb [arch=arm64] http://c.example/debian trixie main\n\
            deb-src http://d.example/debian trixie main\n\
            deb cdrom:[Debian 13]/ trixie main\n\
            deb mirror+file:/etc/apt/mirrors trixie main\n\
            deb\tfile:///srv/debian stable main\n";
        let entries = parse_one_line(text);
        assert_eq!(pairs(&entries), [("http://b.example/debian", "trixie"), ("file:///srv/debian", "stable")]);
    }

    #[test]
    fn deb822_style() {
        let text = "# ours\nTypes: deb deb-src\nURIs: http://a.example/debian/\n https://b.example/debian\n\
            Suites: trixie trixie-updates\nComponents: main\n\n\
            Types: deb\nEnabled: No\nURIs: http://c.example/\nSuites: sid\n\n\
            Types: deb-src\nURIs: http://d.example/\nSuites: sid\n";
        let expected = [
            ("http://a.example/debian", "trixie"),
            ("http://a.example/debian", "trixie-updates"),
            ("https://b.example/debian", "trixie"),
            ("https://b.example/debian", "trixie-updates"),
        ];
        assert_eq!(pairs(&parse_deb822(text)), expected);
    }

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(root.path().join("etc/apt").join(name), text).unwrap();
        }
        root
    }

    #[test]
    fn a_host_of_the_same_distribution_lends_its_mirrors() {
        let root = host(&[
            ("sources.list", "deb http://other.example/ubuntu noble main\n"),
            ("sources.list.d/b.sources.disabled", "Types: deb\nURIs: http://z.example\nSuites: trixie\n"),
            (
                "sources.list.d/a.list",
                "deb http://m.example/debian bookworm main\ndeb http://s.example/sec bookworm-security main\n",
            ),
        ]);
        let trixie = Suite::find("trixie").unwrap();
        let sources = find(trixie, None, None, root.path()).unwrap();
        assert_eq!(sources.main, "http://m.example/debian");
        assert_eq!(sources.security, "http://s.example/sec");
        let sources = find(trixie, Some("http://own.example/"), None, root.path()).unwrap();
        assert_eq!((sources.main.as_str(), sources.security.as_str()), ("http://own.example", "http://s.example/sec"));
        let noble = find(Suite::find("noble").unwrap(), None, None, root.path());
        assert!(matches!(noble, Err(SourcesError::NoSecurityMirror { name: "noble-security", .. })));
    }

    #[test]
    fn a_password_of_the_hosts_mirror_goes_nowhere() {
        let line = "deb http://anna:sources-test-hunter2@m.example/debian trixie main\n\
                    deb http://s.example/sec trixie-security main\n";
        let root = host(&[("sources.list", line)]);
        let trixie = Suite::find("trixie").unwrap();
        let error = find(trixie, None, None, root.path()).unwrap_err();
        let text = format!("{error} {error:?} {}", miette::Diagnostic::help(&error).unwrap());
        assert!(text.contains("http://m.example/debian") && !text.contains("hunter2"), "{text}");
        assert!(find(trixie, Some("http://own.example"), None, root.path()).is_ok(), "it is not used");
    }

    #[test]
    fn a_host_without_apt_is_told_what_to_write() {
        let root = tempfile::tempdir().unwrap();
        let error = find(Suite::find("trixie").unwrap(), None, None, root.path()).unwrap_err();
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(error.to_string().contains("Debian 13 (trixie)") && help.contains("mirror ="), "{error}: {help}");
    }
}
