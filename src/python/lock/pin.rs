//! Libraries at one version each, as a file of the project or a lock names them.

use std::collections::BTreeSet;

use pep440_rs::{Version, VersionSpecifier};
use pep508_rs::{ExtraName, MarkerTree, PackageName, Requirement, VerbatimUrl, VersionOrUrl};

use crate::system::hash::Sha256;

/// Which libraries to pack, each at one version.
#[derive(Debug, Clone)]
pub struct PinnedLibraries {
    /// The file that it was read from, for messages: `requirements.txt`.
    pub source: String,
    /// In the order of the file; each name once.
    pub pins: Vec<Pin>,
    /// What is asked for; the rest of the pins is packed if one of these needs it. `None` when all pins are.
    pub roots: Option<Vec<Requirement<VerbatimUrl>>>,
    /// The address of the index, if the file names one.
    pub index: Option<String>,
}

/// A library at one version.
#[derive(Debug, Clone)]
pub struct Pin {
    pub name: PackageName,
    pub version: Version,
    pub extras: BTreeSet<ExtraName>,
    /// The digests that its file may have. Empty when the file does not say, and the index decides.
    pub hashes: Vec<Sha256>,
    /// Where the file says that its wheels and its source distribution are.
    pub files: Vec<LockedFile>,
    /// What the build of the source distribution needs, each with one wheel. `None` when the file does not say.
    pub tools: Option<Vec<Pin>>,
    /// Where it stands: `requirements.txt, line 3`.
    pub place: String,
}

impl PinnedLibraries {
    /// Whether a library may have to be built from its source.
    pub fn may_build(&self) -> bool {
        self.pins.iter().any(|pin| pin.tools.is_some())
    }
}

impl Pin {
    /// A library with a single file.
    pub(in crate::python) fn of_wheel(name: PackageName, version: Version, file: LockedFile, place: &str) -> Self {
        let (hashes, files, place) = (vec![file.sha256], vec![file], place.to_owned());
        Self { name, version, extras: BTreeSet::new(), hashes, files, tools: None, place }
    }

    /// The pin as a requirement: `flask[async]==3.1.0`.
    pub(in crate::python) fn requirement(&self) -> Requirement<VerbatimUrl> {
        Requirement {
            name: self.name.clone(),
            extras: self.extras.iter().cloned().collect(),
            version_or_url: Some(VersionOrUrl::VersionSpecifier(
                VersionSpecifier::equals_version(self.version.clone()).into(),
            )),
            marker: MarkerTree::TRUE,
            origin: None,
        }
    }
}

/// A file of a library, as a lock names it.
#[derive(Debug, Clone)]
pub struct LockedFile {
    pub name: String,
    pub url: String,
    pub sha256: Sha256,
    /// Whether the requirement names that address, so that no index is asked for the file.
    pub is_direct: bool,
}
