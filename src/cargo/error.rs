//! What is wrong with a crate, in one sentence.

/// A mistake in a crate's metadata or files, or a failure of cargo.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{place}: {what}")]
#[diagnostic(help("{help}"))]
pub struct CargoError {
    /// The file, with the key in it if there is one.
    place: String,
    what: String,
    help: String,
}

impl CargoError {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), help: help.into() }
    }
}
