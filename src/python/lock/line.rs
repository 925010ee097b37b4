//! A line of a file of requirements that asks for a library, or limits its versions.

use pep508_rs::{Requirement, VerbatimUrl};

use crate::system::hash::Sha256;

/// A requirement, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) requirement: Requirement<VerbatimUrl>,
    pub(super) hashes: Vec<Sha256>,
    /// The file and the line's number, counted from 1.
    pub(super) place: String,
}
