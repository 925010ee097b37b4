//! What a plan lacks: a library that another one needs. The code that chooses versions then tries others; a user gets an
//! error.

use pep508_rs::PackageName;

use super::PythonError;

/// Why the libraries of a plan cannot be gathered.
pub(super) enum Failed {
    Unmet(Unmet),
    Other(miette::Report),
}

/// The plan lacks what a library of it needs.
pub(super) struct Unmet {
    /// Which library needs it; `None` if the project itself asks for it.
    pub by: Option<PackageName>,
    /// The library that is needed: missing, or at a version that does not fit.
    pub name: PackageName,
    pub error: Box<PythonError>,
}

impl Failed {
    /// The same for the user.
    pub fn into_report(self) -> miette::Report {
        match self {
            Self::Unmet(unmet) => (*unmet.error).into(),
            Self::Other(report) => report,
        }
    }
}

impl From<Unmet> for Failed {
    fn from(unmet: Unmet) -> Self {
        Self::Unmet(unmet)
    }
}

impl From<miette::Report> for Failed {
    fn from(report: miette::Report) -> Self {
        Self::Other(report)
    }
}

impl From<PythonError> for Failed {
    fn from(error: PythonError) -> Self {
        Self::Other(error.into())
    }
}
