//! Libraries that have source code and no wheel that fits. [`Sdist`] checks a source distribution and reads what its build
//! needs; [`lacking`] finds them in what a resolver says. Nothing of a library is run here: a [`WheelBuilder`] does that, in a
//! sandbox.

mod lacking;
pub(super) mod sdist;

use std::path::{Path, PathBuf};

pub use lacking::{CONFLICT, Lacking, lacking};
pub use sdist::{BuildSystem, Sdist};

use super::lock::Pin;
use super::{Library, PythonTarget};
use crate::system::hash::Sha256;

/// A source distribution that was downloaded and checked.
pub struct SourceDistribution<'a> {
    pub pin: &'a Pin,
    /// The file's name in the index.
    pub file: &'a str,
    /// Where it is on this machine.
    pub path: &'a Path,
    pub sha256: Sha256,
    pub sdist: &'a Sdist,
}

impl SourceDistribution<'_> {
    /// Name and version of the library, for messages.
    pub fn library(&self) -> String {
        format!("{} {}", self.pin.name, self.pin.version)
    }
}

/// What a build left of a source distribution.
pub struct MadeWheel {
    /// Its name, which says what it is for.
    pub file: String,
    /// The wheel on this computer.
    pub path: PathBuf,
    pub sha256: Sha256,
}

/// Runs the build of a source distribution (PEP 517), where it can do no harm.
pub trait WheelBuilder {
    /// Asks the build for its further requirements (PEP 517). `tools` are the libraries of `build-system.requires`.
    ///
    /// # Errors
    /// When the build fails, or it cannot be run.
    fn further_requirements(&self, source: &SourceDistribution<'_>, tools: &[Library]) -> miette::Result<Vec<String>>;

    /// Makes the wheel, or takes it from the cache.
    ///
    /// # Errors
    /// When the build fails or makes another wheel, or it cannot be run.
    fn wheel(
        &self,
        source: &SourceDistribution<'_>,
        tools: &[Library],
        target: &PythonTarget,
    ) -> miette::Result<MadeWheel>;
}
