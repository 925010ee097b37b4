//! One package as an index describes it, reduced to what resolving, downloading and recording need.

use std::path::PathBuf;
use std::sync::Arc;

use crate::control::{Architecture, NameError, PackageName, RelationError, Relations, Stanza, Version, VersionError};
use crate::system::hash::Sha256;

/// A package at one version.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub architecture: Architecture,
    /// Whether other packages may rely on it without saying so (Debian Policy 3.8).
    pub essential: bool,
    /// Its priority (Debian Policy 2.5).
    pub priority: Priority,
    /// Which relations of other architectures it may satisfy (deb-control(5)).
    pub multi_arch: MultiArch,
    /// The `.deb` file's length in bytes.
    pub size: u64,
    /// The `.deb` file's digest.
    pub sha256: Sha256,
    /// What it takes on the disk, in KiB.
    pub installed_size: u64,
    /// Where the `.deb` file is.
    pub origin: Origin,
    relations: [Option<Box<str>>; FIELDS.len()],
}

/// Where a package's file is.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In an archive.
    Archive {
        /// The archive's address.
        base: Arc<str>,
        /// The path below it.
        filename: Box<str>,
    },
    /// On this machine.
    Local(PathBuf),
}

/// How needful a package is, the most needful first (Debian Policy 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A system without it does not work.
    Required,
    /// One expects it on any Unix-like system.
    Important,
    /// A small but not too limited system in character mode has it.
    Standard,
    /// All the others.
    Optional,
    /// Deprecated; the same as optional, after it.
    Extra,
}

/// The field `Multi-Arch` (deb-control(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// It satisfies its own architecture only.
    No,
    /// It can be installed for several architectures side by side.
    Same,
    /// It satisfies any architecture.
    Foreign,
    /// It satisfies any architecture where the relation says `:any`.
    Allowed,
}

/// A relation field (Debian Policy 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Must be configured before this one is unpacked.
    PreDepends,
    /// Must be configured before this one is configured.
    Depends,
    /// Other names that this one goes by.
    Provides,
    /// May not be unpacked beside this one.
    Conflicts,
    /// May not be configured beside this one.
    Breaks,
    /// Whose files this one may take over.
    Replaces,
}

const FIELDS: [Field; 6] =
    [Field::PreDepends, Field::Depends, Field::Provides, Field::Conflicts, Field::Breaks, Field::Replaces];

/// Why a stanza is not a package's.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A field is missing.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// A field that must be a number or a hash is not.
    #[error("the field {field} has the value `{value}`")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The name.
    #[error("the field Package: {0}")]
    Name(#[from] NameError),
    /// The version.
    #[error("the field Version: {0}")]
    Version(#[from] VersionError),
}

impl Field {
    /// The field's name.
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
    /// Reads a stanza of a Packages file of the archive at `base`. `None` when it is for another architecture.
    ///
    /// # Errors
    /// When a field that every package has is missing or cannot be read.
    pub fn from_index(stanza: &Stanza, base: &Arc<str>) -> Result<Option<Self>, RecordError> {
        let filename = required(stanza, "Filename")?.into();
        let sha256 = required(stanza, "SHA256")?;
        let sha256 = sha256.parse().map_err(|_| RecordError::Value { field: "SHA256", value: sha256.to_owned() })?;
        let size = number(stanza, "Size")?.ok_or(RecordError::Missing("Size"))?;
        Self::from_stanza(stanza, Origin::Archive { base: Arc::clone(base), filename }, sha256, size)
    }

    /// Reads a package's own control stanza; the file is at `path`, and has that hash and length in bytes. `None` when it
    /// is for another architecture.
    ///
    /// # Errors
    /// As [`Record::from_index`].
    pub fn from_local(stanza: &Stanza, path: PathBuf, sha256: Sha256, size: u64) -> Result<Option<Self>, RecordError> {
        Self::from_stanza(stanza, Origin::Local(path), sha256, size)
    }

    fn from_stanza(stanza: &Stanza, origin: Origin, sha256: Sha256, size: u64) -> Result<Option<Self>, RecordError> {
        let architecture = match required(stanza, "Architecture")? {
            "amd64" => Architecture::Amd64,
            "all" => Architecture::All,
            _ => return Ok(None),
        };
        let mut relations: [Option<Box<str>>; FIELDS.len()] = Default::default();
        for (slot, field) in relations.iter_mut().zip(FIELDS) {
            *slot = stanza.get(field.as_str()).map(Into::into);
        }
        Ok(Some(Self {
            name: required(stanza, "Package")?.parse()?,
            version: required(stanza, "Version")?.parse()?,
            architecture,
            essential: stanza.get("Essential") == Some("yes"),
            priority: Priority::from_field(stanza.get("Priority")),
            multi_arch: MultiArch::from_field(stanza.get("Multi-Arch")),
            size,
            sha256,
            installed_size: number(stanza, "Installed-Size")?.unwrap_or(0),
            origin,
            relations,
        }))
    }

    /// A relation field; empty when the package has none. It is read anew each time: few are ever needed.
    ///
    /// # Errors
    /// When the field is not a list of relations.
    pub fn relations(&self, field: Field) -> Result<Relations, RelationError> {
        self.relations
            .get(field as usize)
            .and_then(Option::as_deref)
            .map_or_else(|| Ok(Relations::default()), str::parse)
    }
}

impl Priority {
    fn from_field(value: Option<&str>) -> Self {
        match value {
            Some("required") => Self::Required,
            Some("important") => Self::Important,
            Some("standard") => Self::Standard,
            Some("extra") => Self::Extra,
            _ => Self::Optional,
        }
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
        Record::from_index(&Stanza::parse(text).unwrap(), &"http://m.example/debian".into())
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
    fn what_is_missing_or_wrong_is_named() {
        let without =
            |field: &str| text("").lines().filter(|line| !line.starts_with(field)).collect::<Vec<_>>().join("\n");
        for field in ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"] {
            let error = read(&without(field)).unwrap_err().to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
        assert!(read(&text("Installed-Size: x\n")).unwrap_err().to_string().contains("Installed-Size"));
        assert!(read(&text("").replace("Architecture: all", "Architecture: arm64")).unwrap().is_none());
    }
}
