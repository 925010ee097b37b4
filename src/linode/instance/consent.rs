//! A question to the user before something is removed.

use crate::linode::error::LinodeError;
use crate::system::confirm::{self, Confirmation};

/// Whether the user has agreed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The user gave the option `--yes`, so nothing is asked.
    Given,
    /// The user is asked at the terminal.
    Ask,
}

impl Consent {
    /// Returns only if the user agrees. `consequence` is a sentence that says what will be removed.
    ///
    /// # Errors
    /// When the user does not agree, there is no terminal to ask at, or it cannot be read.
    pub(super) fn require(self, consequence: &str) -> Result<(), LinodeError> {
        match self.ask(consequence) {
            Ok(Confirmation::Nobody) => Err(LinodeError::NobodyToAsk { consequence: consequence.to_owned() }),
            other => other.map(drop),
        }
    }

    /// As [`Consent::require`], but without a terminal nobody is asked: for what the user has already said with
    /// an option of its own.
    ///
    /// # Errors
    /// When the user does not agree, or the terminal cannot be read.
    pub(super) fn confirm(self, consequence: &str) -> Result<(), LinodeError> {
        self.ask(consequence).map(drop)
    }

    fn ask(self, consequence: &str) -> Result<Confirmation, LinodeError> {
        if self == Self::Given {
            return Ok(Confirmation::Yes);
        }
        match confirm::ask(&format!("{consequence} Go on?")) {
            Ok(Confirmation::No) => Err(LinodeError::Declined),
            Ok(answer) => Ok(answer),
            Err(source) => {
                let problem = format!("cannot read the answer from the terminal: {source}. Nothing was done.");
                Err(LinodeError::argument(problem, "--yes agrees beforehand"))
            }
        }
    }
}
