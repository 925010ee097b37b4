//! Checks the address of an index of Python libraries, and their names.

use std::str::FromStr;

use miette::Diagnostic;
use pep508_rs::PackageName;
use url::Url;

/// Why a text is not valid as the address of an index.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum IndexAddressError {
    #[error("`{0}` is not the address of a server")]
    #[diagnostic(help("write it like \"https://pypi.example.org/simple/\""))]
    NoAddress(String),
    #[error("`{0}` is not a library's name")]
    #[diagnostic(help("write it as the index has it: \"flask-sqlalchemy\""))]
    Name(String),
    /// The text is not shown: it has a secret in it.
    #[error("the address has a user's name or a password in it, and everyone who sees stack.toml would see it")]
    #[diagnostic(help("set PIP_INDEX_URL, or index-url in pip's own configuration, on the machine that builds"))]
    Secret,
}

/// Checks an address: that of an HTTP server, without a user and a password.
pub fn address(text: &str) -> Result<String, IndexAddressError> {
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => Err(IndexAddressError::Secret),
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err(IndexAddressError::NoAddress(text.escape_debug().to_string())),
    }
}

/// Checks the name of a library, in whatever case it is written.
pub fn library(text: &str) -> Result<PackageName, IndexAddressError> {
    PackageName::from_str(text).map_err(|_| IndexAddressError::Name(text.escape_debug().to_string()))
}
