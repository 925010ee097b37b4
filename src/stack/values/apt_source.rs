//! Reads a file for `/etc/apt/sources.list.d` (sources.list(5), deb822 style) that names a repository of the user's own: a path
//! in the project → its text, and what unattended-upgrades needs to know the repository by.

use std::path::Path;

use miette::Diagnostic;
use url::Url;

use super::file_error::FileError;
use super::files;
use super::text;
use crate::control::{Stanza, StanzaError};
use crate::stack::model::AptSource;

/// Why a file names no repository that a machine can use.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AptSourceError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
    #[error("`{0}` is not the name of a file of apt's")]
    #[diagnostic(help(
        "apt reads files of letters, digits, `-`, `_` and `.` that end in `.sources`: \"repository/shop.sources\""
    ))]
    Name(String),
    #[error("{path} is not written as sources.list(5) says: {source}")]
    #[diagnostic(help("`stackdeb repo add` writes such a file for a repository of yours"))]
    Syntax {
        path: String,
        #[source]
        source: StanzaError,
    },
    #[error("{path} {why}")]
    #[diagnostic(help(
        "it needs `Types: deb`, one address with http or https in `URIs`, one suite in `Suites`, `Components`, and the key itself in `Signed-By`; `stackdeb repo add` writes it so"
    ))]
    Lacks { path: String, why: &'static str },
}

/// What a key in armour begins with (RFC 9580, 6.2).
const ARMOUR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Reads and checks the `.sources` file of `[image] repository`.
///
/// # Errors
/// When it is not there, or a machine could not fetch packages with it and verify them.
pub fn apt_source(given: &str, project: &Path) -> Result<AptSource, AptSourceError> {
    let stem = Path::new(given).file_name().and_then(|name| name.to_str()?.strip_suffix(".sources"));
    let is_word = |text: &&str| {
        text.starts_with(|char: char| char.is_ascii_alphanumeric())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'))
    };
    // The image has a file of that name for its own archive.
    let Some(name) = stem.filter(is_word).filter(|name| *name != "distribution") else {
        return Err(AptSourceError::Name(given.escape_debug().to_string()));
    };
    let text = files::contents(given, project)?;
    let path = || project.join(given).display().to_string();
    let stanza = Stanza::parse(&text).map_err(|source| AptSourceError::Syntax { path: path(), source })?;
    let lacks = |why| AptSourceError::Lacks { path: path(), why };
    let word = |field: &str| stanza.get(field).map(str::trim).filter(|value| !value.contains(char::is_whitespace));
    if word("Types") != Some("deb") {
        return Err(lacks("is not for packages alone (`Types: deb`)"));
    }
    let address = word("URIs").and_then(|address| Url::parse(&text::address(address).ok()?).ok());
    let Some(host) = address.as_ref().and_then(Url::host_str) else {
        return Err(lacks("does not have one address with http or https, without a password, in `URIs`"));
    };
    let Some(suite) = word("Suites").filter(is_word) else {
        return Err(lacks("does not have one suite in `Suites`"));
    };
    if stanza.get("Components").is_none_or(|value| value.trim().is_empty()) {
        return Err(lacks("has no `Components`"));
    }
    if !stanza.get("Signed-By").is_some_and(|value| value.contains(ARMOUR)) {
        return Err(lacks("does not have the key itself in `Signed-By`"));
    }
    Ok(AptSource { name: name.to_owned(), host: host.to_owned(), suite: suite.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// As `stackdeb repo add` writes it.
    const GOOD: &str = "Types: deb\nURIs: https://packages.example.org:8443/shop\nSuites: stable\nComponents: main\n\
        Architectures: amd64\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xjMEZ\n -----END PGP PUBLIC KEY BLOCK-----\n";

    #[test]
    fn what_a_machine_cannot_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            apt_source(name, folder.path())
        };
        let source = read("shop.sources", GOOD).unwrap();
        let AptSource { name, host, suite, text } = source;
        assert_eq!((name.as_str(), host.as_str(), suite.as_str()), ("shop", "packages.example.org", "stable"));
        assert_eq!(text, GOOD);
        for (from, to, words) in [
            ("Types: deb", "Types: deb deb-src", "Types: deb"),
            ("https://packages.example.org:8443/shop", "file:/srv/shop", "http or https"),
            ("https://packages", "https://anna:hunter2@packages", "without a password"),
            ("Suites: stable", "Suites: stable testing", "one suite"),
            ("Components: main\n", "", "Components"),
            ("-----BEGIN PGP PUBLIC", "-----BEGIN PGP PRIVATE", "the key itself"),
            ("Types: deb", "Types deb", "not written as"),
        ] {
            let error = read("shop.sources", &GOOD.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        for name in ["shop.list", "distribution.sources", "a b.sources", ".sources"] {
            assert!(matches!(read(name, GOOD), Err(AptSourceError::Name(_))), "{name}");
        }
        assert!(matches!(apt_source("nowhere.sources", folder.path()), Err(AptSourceError::File(_))));
    }
}
