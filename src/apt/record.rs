//! A package as an index describes it: a stanza → the fields that resolving, downloading and the manifest need.

use std::path::PathBuf;
use std::sync::Arc;

use crate::control::{
    Architecture, NameError, PackageName, Priority, RelationError, Relations, Stanza, Version, VersionError,
};
use crate::system::hash::Sha256;

/// A package at one version.
#[derive(Debug, Clone)]
pub struct Record {
    pub name: PackageName,
    pub version: Version,
    pub architecture: Architecture,
    /// Whether other packages may rely on it without saying so (Debian Policy 3.8).
    pub essential: bool,
    /// `Optional` if the index has no priority, or one that Debian Policy does not know.
    pub priority: Priority,
    pub multi_arch: MultiArch,
    /// The length of the `.deb` file in bytes.
    pub size: u64,
    /// The digest of the `.deb` file.
    pub sha256: Sha256,
    /// The estimated size on the disk in KiB; 0 if the package does not state it.
    pub installed_size: u64,
    pub origin: DebOrigin,
    /// The place of its name in the order in which apt first reads the names of the archive. That of a file of this machine is
    /// behind all of them; a record that was read without an index has 0.
    pub(super) mentioned: u32,
    relations: [Option<Box<str>>; Field::ALL.len()],
}

/// An index of packages: one component of a suite of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageIndex {
    /// The address of the archive.
    pub base: String,
    /// The folder under `dists/`: `trixie-security`.
    pub suite: String,
    pub component: String,
}

/// Where the `.deb` file of a package is.
#[derive(Debug, Clone)]
pub enum DebOrigin {
    Archive {
        index: Arc<PackageIndex>,
        /// Its path below the address of the archive.
        filename: Box<str>,
    },
    /// A file of this machine.
    Local(PathBuf),
}

/// Whether a package satisfies relations of packages of other architectures (deb-control(5), `Multi-Arch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// Only relations of its own architecture. It is the default.
    No,
    /// As [`MultiArch::No`], but it can be installed for several architectures at once.
    Same,
    /// Relations of every architecture.
    Foreign,
    /// Those of other architectures that say `:any`.
    Allowed,
}

/// A relation field (Debian Policy 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Packages that must be configured before this one is unpacked.
    PreDepends,
    /// Packages that must be configured before this one is configured.
    Depends,
    /// Virtual packages that this one stands for.
    Provides,
    /// Packages that must not be unpacked at the same time.
    Conflicts,
    /// Packages that must not be configured at the same time.
    Breaks,
    /// Packages whose files this one may overwrite.
    Replaces,
}

/// The largest number of relations in a field, alternatives included. Debian's longest field has 1,603.
const MOST_RELATIONS: usize = 10_000;

/// Why a stanza does not describe a package.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// A field with a number, a hash or an architecture has another value.
    #[error("the field {field} has the value `{value}`, which is not valid")]
    Value { field: &'static str, value: String },
    #[error("the field {0} has more than {MOST_RELATIONS} relations, which no package of a distribution has")]
    TooManyRelations(&'static str),
    #[error("the field Package: {0}")]
    Name(#[from] NameError),
    #[error("the field Version: {0}")]
    Version(#[from] VersionError),
}

impl Field {
    pub const ALL: [Self; 6] =
        [Self::PreDepends, Self::Depends, Self::Provides, Self::Conflicts, Self::Breaks, Self::Replaces];

    /// The name as in a stanza: `Pre-Depends`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Provides => "Provides",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Replaces => "Replaces",
        }
    }
}

impl Record {
    /// Reads a stanza of the Packages file `index`. Returns `None` for a package of another architecture.
    ///
    /// # Errors
    /// When a field that every package has is missing or not valid.
    pub fn from_index(stanza: &Stanza, index: &Arc<PackageIndex>) -> Result<Option<Self>, RecordError> {
        let filename = required(stanza, "Filename")?.into();
        let sha256 = required(stanza, "SHA256")?;
        let sha256 = sha256.parse().map_err(|_| RecordError::Value { field: "SHA256", value: sha256.to_owned() })?;
        let size = number(stanza, "Size")?.ok_or(RecordError::Missing("Size"))?;
        Self::from_stanza(stanza, DebOrigin::Archive { index: Arc::clone(index), filename }, sha256, size)
    }

    /// Reads the control file of the package at `path`, which has that hash and a length of `size` bytes. Returns
    /// `None` for a package of another architecture.
    ///
    /// # Errors
    /// As [`Record::from_index`].
    pub fn from_local(stanza: &Stanza, path: PathBuf, sha256: Sha256, size: u64) -> Result<Option<Self>, RecordError> {
        Self::from_stanza(stanza, DebOrigin::Local(path), sha256, size)
    }

    fn from_stanza(stanza: &Stanza, origin: DebOrigin, sha256: Sha256, size: u64) -> Result<Option<Self>, RecordError> {
        let architecture = match required(stanza, "Architecture")? {
            "amd64" => Architecture::Amd64,
            "all" => Architecture::All,
            _ => return Ok(None),
        };
        let mut relations: [Option<Box<str>>; Field::ALL.len()] = Default::default();
        for (slot, field) in relations.iter_mut().zip(Field::ALL) {
            let text = stanza.get(field.as_str());
            if text.is_some_and(|text| text.bytes().filter(|byte| b",|".contains(byte)).count() >= MOST_RELATIONS) {
                return Err(RecordError::TooManyRelations(field.as_str()));
            }
            *slot = text.map(Into::into);
        }
        Ok(Some(Self {
            name: required(stanza, "Package")?.parse()?,
            version: required(stanza, "Version")?.parse()?,
            architecture,
            essential: stanza.get("Essential") == Some("yes"),
            priority: stanza.get("Priority").and_then(|word| word.parse().ok()).unwrap_or(Priority::Optional),
            multi_arch: MultiArch::from_field(stanza.get("Multi-Arch")),
            size,
            sha256,
            installed_size: number(stanza, "Installed-Size")?.unwrap_or(0),
            mentioned: if matches!(origin, DebOrigin::Local(_)) { u32::MAX } else { 0 },
            origin,
            relations,
        }))
    }

    /// The stanza that [`Record::from_index`] reads this record from. That of a file of this machine lacks the field `Filename`.
    pub fn stanza(&self) -> Stanza {
        let mut stanza = Stanza::default();
        stanza.set("Package", self.name.as_str());
        stanza.set("Version", self.version.as_str());
        stanza.set("Architecture", self.architecture.as_str());
        if self.essential {
            stanza.set("Essential", "yes");
        }
        stanza.set("Priority", self.priority.as_str());
        if let Some(value) = self.multi_arch.as_field() {
            stanza.set("Multi-Arch", value);
        }
        if let DebOrigin::Archive { filename, .. } = &self.origin {
            stanza.set("Filename", filename.as_ref());
        }
        stanza.set("Size", self.size.to_string());
        stanza.set("SHA256", self.sha256.to_string());
        stanza.set("Installed-Size", self.installed_size.to_string());
        for (text, field) in self.relations.iter().zip(Field::ALL) {
            if let Some(text) = text {
                stanza.set(field.as_str(), text.as_ref());
            }
        }
        stanza
    }

    /// Returns a relation field, empty if the package does not have it. The text is parsed at each call, because most
    /// fields are never asked for.
    ///
    /// # Errors
    /// When the field is not a list of relations.
    pub fn relations(&self, field: Field) -> Result<Relations, RelationError> {
        self.relations
            .get(field as usize)
            .and_then(Option::as_deref)
            .map_or_else(|| Ok(Relations::default()), str::parse)
    }

    /// The length of all relation fields together, in bytes.
    pub fn relations_length(&self) -> usize {
        self.relations.iter().flatten().map(|field| field.len()).sum()
    }
}

impl MultiArch {
    fn from_field(value: Option<&str>) -> Self {
        match value {
            Some("same") => Self::Same,
            Some("foreign") => Self::Foreign,
            Some("allowed") => Self::Allowed,
            _ => Self::No,
        }
    }

    fn as_field(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Same => Some("same"),
            Self::Foreign => Some("foreign"),
            Self::Allowed => Some("allowed"),
        }
    }
}

fn required<'a>(stanza: &'a Stanza, field: &'static str) -> Result<&'a str, RecordError> {
    stanza.get(field).ok_or(RecordError::Missing(field))
}

fn number(stanza: &Stanza, field: &'static str) -> Result<Option<u64>, RecordError> {
    let Some(value) = stanza.get(field) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| RecordError::Value { field, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Record>, RecordError> {
        let [base, suite, component] = ["http://m.example/debian", "trixie", "main"].map(str::to_owned);
        Record::from_index(&Stanza::parse(text).unwrap(), &Arc::new(PackageIndex { base, suite, component }))
    }

    fn text(extra: &str) -> String {
        let hash = Sha256::of(b"");
        format!("Package: aa\nVersion: 1\nArchitecture: all\nFilename: pool/aa.deb\nSize: 3\nSHA256: {hash}\n{extra}")
    }

    #[test]
    fn a_stanza_becomes_a_record() {
        let record = read(&text("Essential: yes\nPriority: required\nMulti-Arch: allowed\nDepends: bb, cc\n"));
        let record = record.unwrap().unwrap();
        assert!(record.essential && record.priority == Priority::Required && record.multi_arch == MultiArch::Allowed);
        assert_eq!(record.relations(Field::Depends).unwrap().to_string(), "bb, cc");
        assert!(record.relations(Field::Conflicts).unwrap().0.is_empty());
    }

    #[test]
    fn a_record_becomes_the_stanza_that_it_was_read_from() {
        let optional = text("Priority: optional\nInstalled-Size: 7\n");
        let required = text(
            "Essential: yes\nPriority: required\nInstalled-Size: 7\nMulti-Arch: same\nDepends: bb (>= 1) | cc, dd\nBreaks: ee\n",
        );
        for text in [optional, required] {
            let stanza = read(&text).unwrap().unwrap().stanza();
            let sorted = |stanza: &Stanza| {
                let mut lines: Vec<String> = stanza.to_string().lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&stanza), sorted(&Stanza::parse(&text).unwrap()));
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let without =
            |field: &str| text("").lines().filter(|line| !line.starts_with(field)).collect::<Vec<_>>().join("\n");
        for field in ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"] {
            let error = read(&without(field)).unwrap_err().to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
        for separator in [", ", " | "] {
            let most = vec!["bb"; MOST_RELATIONS].join(separator);
            assert!(read(&text(&format!("Depends: {most}\n"))).is_ok());
            let error = read(&text(&format!("Breaks: {most}{separator}bb\n"))).unwrap_err().to_string();
            assert!(error.contains("Breaks has more than 10000 relations"), "{error}");
        }
        assert!(read(&text("Installed-Size: x\n")).unwrap_err().to_string().contains("Installed-Size"));
        assert!(read(&text("").replace("Architecture: all", "Architecture: arm64")).unwrap().is_none());
    }
}
