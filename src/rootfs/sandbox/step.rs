//! The steps on the way to a sandbox: system calls come in; what goes out on a failure says what could not be done.

use std::io;

/// What could not be done, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {source}")]
pub(super) struct SetupError {
    action: String,
    #[source]
    source: io::Error,
}

/// Gives an error the step that it belongs to.
pub(super) trait SetupStep<T> {
    fn step(self, action: impl Into<String>) -> Result<T, SetupError>;
}

impl<T, E: Into<io::Error>> SetupStep<T> for Result<T, E> {
    fn step(self, action: impl Into<String>) -> Result<T, SetupError> {
        self.map_err(|error| SetupError { action: action.into(), source: error.into() })
    }
}
