//! Why there is no set of packages: what a search met with comes in; the sentence for the user goes out.

use crate::apt::index::IndexError;
use crate::control::{Alternatives, RelationError};
use crate::system::interrupt;

/// How often a package may be tried before the search is given up. A whole desktop takes a few thousand.
pub(super) const MOST_ATTEMPTS: usize = 200_000;

/// A relation, or a conflict, and how it came to it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SolveError {
    /// Something is missing, or there is a conflict.
    #[error("`{wanted}` cannot be installed: {reason}")]
    #[diagnostic(help(
        "correct the relation where it is written, ask for another package, or check that the suite is the right one"
    ))]
    Unsatisfiable {
        /// What was asked for.
        wanted: String,
        /// From there, each relation that leads to the trouble, and the trouble.
        reason: String,
    },
    /// The search took too long.
    #[error(
        "`{wanted}` cannot be installed: after {MOST_ATTEMPTS} attempts there was still a conflict; the first was: {reason}"
    )]
    #[diagnostic(help("ask for one of the alternatives by its name"))]
    TooHard {
        /// What was asked for.
        wanted: String,
        /// The first trouble.
        reason: String,
    },
    /// A relation field.
    #[error("the package `{package}` has a field {field} that cannot be read: {source}")]
    #[diagnostic(help("report it to the package's maintainer"))]
    Relation {
        /// The package's name.
        package: String,
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        #[source]
        source: RelationError,
    },
    /// The names that the packages provide.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(IndexError),
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

/// Why a package cannot be taken.
pub(super) enum Trouble {
    Unsatisfiable {
        /// Relations from the outside in, and at the end the cause.
        chain: Vec<String>,
        /// Whether it lies in what was chosen before, and so could be otherwise another time.
        depends_on_choices: bool,
    },
    TooHard(Vec<String>),
    Error(SolveError),
}

impl Trouble {
    /// The error for whoever wanted that.
    pub(super) fn into_error(self, wanted: &Alternatives) -> SolveError {
        let wanted = wanted.to_string();
        match self {
            Self::Unsatisfiable { chain, .. } => SolveError::Unsatisfiable { wanted, reason: chain.join("; ") },
            Self::TooHard(chain) => SolveError::TooHard { wanted, reason: chain.join("; ") },
            Self::Error(error) => error,
        }
    }
}
