//! The errors of the solver: the conflict that a search has found → a sentence for the user.

use crate::apt::index::IndexError;
use crate::control::{Alternatives, RelationError};
use crate::system::interrupt;

/// The search ends after this number of tried packages. A whole desktop needs a few thousand.
pub(super) const MOST_ATTEMPTS: usize = 200_000;

/// The longest chain of dependencies. A search through all of Debian's desktop is a few hundred packages deep.
pub(in crate::apt) const DEEPEST: usize = 1000;

/// The largest number of relations, and of packages that satisfy them, which a search keeps in memory: some 150 MB. All
/// packages of Debian 12 together have 355,000 relations.
pub(super) const MOST_NEEDS: usize = 1_000_000;

/// The largest number of reasons in an error. What is between the first and the last ones is left out.
const MOST_REASONS: usize = 24;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 1000;

/// Why no set of packages satisfies what is wanted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SolveError {
    /// A package is missing, or two packages conflict.
    #[error("`{wanted}` cannot be installed: {reason}")]
    #[diagnostic(help(
        "correct the relation where it is written, ask for another package, or check that the suite is the right one"
    ))]
    Unsatisfiable {
        wanted: String,
        /// The relations that lead from `wanted` to the conflict, and the conflict.
        reason: String,
    },
    #[error(
        "`{wanted}` cannot be installed: the search ended after {MOST_ATTEMPTS} attempts; the first conflict: {reason}"
    )]
    #[diagnostic(help("where packages are alternatives, ask for one of them by its name"))]
    TooHard {
        wanted: String,
        /// The first conflict that was found.
        reason: String,
    },
    #[error("the dependencies of `{package}` are more than {DEEPEST} packages deep")]
    #[diagnostic(help(
        "no archive of a distribution has such packages: name another mirror under [image] in stack.toml"
    ))]
    TooDeep { package: String },
    #[error("the dependencies of `{package}` bring the search to more than {MOST_NEEDS} relations")]
    #[diagnostic(help(
        "no archive of a distribution has such packages: name another mirror under [image] in stack.toml"
    ))]
    TooMuch { package: String },
    #[error("the package `{package}` has a field {field} that cannot be read: {source}")]
    #[diagnostic(help("report it to the package's maintainer"))]
    Relation {
        package: String,
        field: &'static str,
        #[source]
        source: RelationError,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(IndexError),
    #[error(transparent)]
    Interrupted(#[from] interrupt::Interrupted),
}

/// Why a package cannot be taken.
pub(super) enum Trouble {
    Unsatisfiable {
        /// The relations that lead from the package to the cause, and at the end the cause.
        chain: Vec<String>,
        /// Whether the cause is a choice that was made before. Then the package may be possible after another choice.
        depends_on_choices: bool,
    },
    TooHard(Vec<String>),
    Error(SolveError),
}

impl Trouble {
    /// The error for the user, who asked for `wanted`.
    pub(super) fn into_error(self, wanted: &Alternatives) -> SolveError {
        let wanted = wanted.to_string();
        match self {
            Self::Unsatisfiable { chain, .. } => SolveError::Unsatisfiable { wanted, reason: chain.join("; ") },
            Self::TooHard(chain) => SolveError::TooHard { wanted, reason: chain.join("; ") },
            Self::Error(error) => error,
        }
    }
}

/// Puts a reason before the others. A search keeps the reasons of each package that cannot be installed, so
/// they are few and short.
pub(super) fn add_reason(chain: &mut Vec<String>, reason: String) {
    const MIDDLE: usize = MOST_REASONS / 2;
    chain.insert(0, shortened(reason));
    if chain.len() > MOST_REASONS {
        chain.remove(MIDDLE);
        if let Some(middle) = chain.get_mut(MIDDLE) {
            "…".clone_into(middle);
        }
    }
}

/// The reason, or its beginning.
pub(super) fn shortened(reason: String) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        Some(_) => reason.chars().take(LONGEST_REASON).chain(['…']).collect(),
        None => reason,
    }
}
