//! What the commands that work in an account at Linode have in common: the way to the API, a stack's own project, and a
//! question before something is removed.

use std::env;
use std::path::Path;
use std::rc::Rc;

use clap::Args;
use miette::{IntoDiagnostic, miette};

use crate::linode::api::client::{ADDRESS, Client};
use crate::linode::api::clock::{Limits, SystemClock};
use crate::linode::api::token::{Token, TokenError};
use crate::linode::error::ApiError;
use crate::stack::{self, Stack};
use crate::system::confirm::{self, Answer};

/// Where the API is.
#[derive(Debug, Args)]
pub struct ApiArgs {
    /// The address of the API [default: $LINODE_API_URL, else https://api.linode.com/v4]
    #[arg(long, value_name = "ADDRESS")]
    api: Option<String>,
}

impl ApiArgs {
    /// A client with the token of the environment.
    ///
    /// # Errors
    /// When there is no token, or the address is none.
    pub fn client<E: From<ApiError> + From<TokenError>>(&self) -> Result<Client, E> {
        let address = self.api.clone().or_else(|| env::var("LINODE_API_URL").ok().filter(|value| !value.is_empty()));
        let address = address.as_deref().unwrap_or(ADDRESS);
        Ok(Client::new(address, Token::from_environment()?, Limits::default(), Rc::new(SystemClock::default()))?)
    }
}

/// The stack of this folder.
///
/// # Errors
/// When its manifest is not there, or has mistakes.
pub fn stack_here() -> miette::Result<Stack> {
    Ok(stack::load(Path::new("."))?)
}

/// A line for whoever watches.
pub fn say(line: &str) {
    eprintln!("stackdeb: {line}");
}

/// Whether somebody has agreed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// With `--yes`.
    Given,
    /// The user is asked.
    Asked,
}

impl Consent {
    /// From whether `--yes` was there.
    pub fn of(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Asked }
    }

    /// Goes on only if the user agrees to `what`.
    ///
    /// # Errors
    /// When the user does not, or there is no terminal to ask at.
    pub fn require(self, what: &str) -> miette::Result<()> {
        if self == Self::Given {
            return Ok(());
        }
        match confirm::ask(&format!("{what} Go on?")).into_diagnostic()? {
            Answer::Yes => Ok(()),
            Answer::No => Err(miette!("nothing was removed, and nothing was made")),
            Answer::Nobody => Err(miette!(
                help = "--yes agrees beforehand",
                "there is no terminal to ask at. {what} Nothing was done."
            )),
        }
    }
}
