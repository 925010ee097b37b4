//! The libraries of a package: those that are packed, each with its wheel and where that is from, and those that packages of
//! Debian provide.

use pep508_rs::PackageName;

use super::{Wheel, WheelNeeds};
use crate::control::Relations;
use crate::system::hash::Sha256;

/// A library that is packed.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name as the index has it, in lower case: `flask-sqlalchemy`.
    pub name: PackageName,
    pub version: String,
    /// The digest of its wheel, or of its source distribution.
    pub sha256: Sha256,
    /// Where that file was found, without a password.
    pub url: String,
    /// Whether the project names that address itself.
    pub is_direct: bool,
    pub wheel: Wheel,
    /// What the wheel was made of, when the library has none that fits.
    pub built: Option<WheelBuild>,
    /// Its modules that are not packed, because the standard library has them.
    pub left_out: Vec<String>,
}

/// The origin of a wheel that was built.
#[derive(Debug, Clone)]
pub struct WheelBuild {
    /// The name of the source distribution.
    pub file: String,
    /// What its build needs, in the order of their names.
    pub tools: Vec<Library>,
}

impl Library {
    /// A sentence for the user about a library that was built.
    pub fn note(&self) -> Option<String> {
        self.built.as_ref().map(|_| format!("{} {} has no wheel: it is built from its source", self.name, self.version))
    }
}

/// All libraries that are packed.
#[derive(Debug, Clone, Default)]
pub struct Libraries {
    /// In the order of their names.
    pub all: Vec<Library>,
    /// The libraries that Debian's packages provide, in the order of their names.
    pub from_debian: Vec<ProvidedLibrary>,
    /// The packed ones that were to come from Debian, each with the reason why they do not.
    pub unfit: Vec<(PackageName, String)>,
    /// What they need of the server.
    pub needs: WheelNeeds,
}

impl Libraries {
    /// Whether a library of that name is among them, packed or from Debian.
    pub fn provide(&self, name: &str) -> bool {
        self.has(name) || self.from_debian.iter().any(|one| one.name.as_ref() == name)
    }

    /// Whether a library of that name is packed.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|library| library.name.as_ref() == name)
    }
}

/// A library that a package of Debian provides.
#[derive(Debug, Clone)]
pub struct ProvidedLibrary {
    pub name: PackageName,
    /// What is required of it: `flask>=3`.
    pub requirement: String,
    /// The package, and its version in the suite.
    pub package: String,
    /// The relations that the requirement becomes.
    pub relations: Relations,
}
