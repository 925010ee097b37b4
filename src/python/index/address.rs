//! Where the index is: `[app] index`, else what the file of requirements says, else pip's own configuration, else PyPI.

use std::env;
use std::fs;
use std::path::PathBuf;

use url::Url;

use crate::python::PythonError;
use crate::system::words::keep_secret;

/// The address of the Python Package Index, where a project names no other.
const PYPI: &str = "https://pypi.org/simple/";

/// The index's address, with a `/` at its end.
///
/// # Errors
/// When the address is not that of an HTTP server.
pub fn address(of_app: Option<&str>, of_file: Option<&str>) -> Result<Url, PythonError> {
    let chosen = [(of_app, "[app] index"), (of_file, "the file of requirements")]
        .into_iter()
        .find_map(|(address, place)| Some((address?.to_owned(), place.to_owned())))
        .or_else(|| Some((env::var("PIP_INDEX_URL").ok()?, "the variable PIP_INDEX_URL".to_owned())))
        .or_else(of_pip)
        .unwrap_or_else(|| (PYPI.to_owned(), "stackdeb".to_owned()));
    parse(&chosen.0, &chosen.1)
}

/// Whether it is the address of PyPI.
pub(super) fn is_default(url: &Url) -> bool {
    url.as_str() == PYPI
}

fn parse(address: &str, place: &str) -> Result<Url, PythonError> {
    let url = Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url else {
        return Err(PythonError::Address { address: address.to_owned(), place: place.to_owned() });
    };
    if let Some(password) = url.password() {
        keep_secret(password);
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// What pip's configuration says, and its file. The user's files win over those of
/// the machine (pip's documentation, "Configuration").
fn of_pip() -> Option<(String, String)> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home.clone()?.join(".config")));
    let places = [
        env::var_os("PIP_CONFIG_FILE").map(PathBuf::from),
        config.map(|folder| folder.join("pip/pip.conf")),
        home.map(|folder| folder.join(".pip/pip.conf")),
        Some(PathBuf::from("/etc/pip.conf")),
        Some(PathBuf::from("/etc/xdg/pip/pip.conf")),
    ];
    places.into_iter().flatten().find_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some((setting(&text, "index-url")?, path.display().to_string()))
    })
}

/// The value of a key in the section `install`, else in `global`.
fn setting(text: &str, wanted: &str) -> Option<String> {
    let (mut section, mut found) = ("", None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').trim();
        } else if let Some((key, value)) = line.split_once(['=', ':'])
            && key.trim().replace('_', "-").eq_ignore_ascii_case(wanted)
            && (section == "install" || (section == "global" && found.is_none()))
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_server() {
        assert_eq!(parse("https://example.org/simple", "x").unwrap().as_str(), "https://example.org/simple/");
        for bad in ["", "example.org/simple", "ftp://example.org/", "file:///srv", "https://"] {
            assert!(parse(bad, "x").is_err(), "{bad}");
        }
    }

    #[test]
    fn pips_configuration_is_read() {
        let text =
            "[global]\nindex_url = https://a.example/\n# index-url = b\n[install]\nindex-url: https://c.example/\n";
        assert_eq!(setting(text, "index-url").as_deref(), Some("https://c.example/"));
        assert_eq!(setting("[list]\nindex-url = x\n", "index-url"), None);
    }
}
