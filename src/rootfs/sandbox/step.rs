//! Errors of the steps that set up a sandbox: each names what could not be done.

use std::io;

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {source}")]
pub(super) struct SetupError {
    action: String,
    #[source]
    source: io::Error,
}

/// Adds to an error what could not be done.
pub(super) trait SetupStep<T> {
    fn step(self, action: impl Into<String>) -> Result<T, SetupError>;
}

impl<T, E: Into<io::Error>> SetupStep<T> for Result<T, E> {
    fn step(self, action: impl Into<String>) -> Result<T, SetupError> {
        self.map_err(|error| SetupError { action: action.into(), source: error.into() })
    }
}
