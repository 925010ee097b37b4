//! A question to the user before something is removed.

use crate::linode::error::Error;
use crate::system::confirm::{self, Answer};

/// Whether the user has agreed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// With `--yes`.
    Given,
    /// The user is asked at the terminal.
    Ask,
}

impl Consent {
    /// Returns only if the user agrees. `consequence` is a sentence that says what will be removed.
    ///
    /// # Errors
    /// When the user does not agree, there is no terminal to ask at, or it cannot be read.
    pub(super) fn require(self, consequence: &str) -> Result<(), Error> {
        if self == Self::Given {
            return Ok(());
        }
        match confirm::ask(&format!("{consequence} Go on?")) {
            Ok(Answer::Yes) => Ok(()),
            Ok(Answer::No) => Err(Error::Declined),
            Ok(Answer::Nobody) => Err(Error::NobodyToAsk { consequence: consequence.to_owned() }),
            Err(source) => {
                let problem = format!("cannot read the answer from the terminal: {source}. Nothing was done.");
                Err(Error::argument(problem, "--yes agrees beforehand"))
            }
        }
    }
}
