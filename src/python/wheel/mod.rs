//! A wheel (binary distribution format, PEP 427 and later): a zip file of known digest → its files, each checked against the
//! wheel's own list, and what it says about itself. Nothing of it is run.

mod archive;
mod entry_points;
mod install;
mod record;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep508_rs::PackageName;

use super::metadata::{WheelMetadata, fields};
use super::{PythonError, WheelName};
use archive::WheelArchive;
use entry_points::EntryPoint;

pub use install::{InstalledFile, Roots};

#[derive(Debug, Clone)]
pub struct Wheel {
    /// The name of the wheel's file.
    pub file: String,
    pub name: WheelName,
    pub metadata: WheelMetadata,
    /// The folder with its metadata: `flask-3.1.0.dist-info`.
    pub dist_info: String,
    pub files: Vec<WheelFile>,
    /// The programs that it asks to be made (`console_scripts` and `gui_scripts`).
    entry_points: Vec<EntryPoint>,
}

/// A file of a wheel, unpacked.
#[derive(Debug, Clone)]
pub struct WheelFile {
    pub place: WheelPlace,
    pub content: PathBuf,
    /// Whether it is marked as a program.
    pub executable: bool,
}

/// Where a file of a wheel belongs, with its path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WheelPlace {
    /// Below the folder that Python imports from.
    Library(String),
    /// In the folder of programs.
    Script(String),
    /// Below the folder that holds both of these: what a library puts into `share/` or `etc/`.
    Data(String),
}

impl Wheel {
    /// Unpacks the wheel at `path`, whose digest was checked, into the folder `unpacked`, if that is not there yet.
    /// `file` is the wheel's name.
    ///
    /// # Errors
    /// When it is not a wheel, a file of it is not as its list says, or a path leads out of it.
    pub fn open(path: &Path, file: &str, unpacked: &Path) -> Result<Self, PythonError> {
        let wrong = |reason: String| PythonError::Wheel { wheel: file.to_owned(), reason };
        let name = WheelName::parse(file).ok_or_else(|| wrong("its name is not that of a wheel".to_owned()))?;
        let mut archive = WheelArchive::open(path).map_err(wrong)?;
        let dist_info = dist_info(&archive, &name).map_err(wrong)?;
        let record = archive.text(&format!("{dist_info}/RECORD")).map_err(wrong)?;
        let record = record::parse(&record, &dist_info).map_err(wrong)?;
        archive.unpack(unpacked, &record).map_err(wrong)?;
        let text = |name: &str| {
            let path = unpacked.join(&dist_info).join(name);
            fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        check_format(text("WHEEL")).map_err(wrong)?;
        let metadata = text("METADATA").ok_or_else(|| wrong("it has no file METADATA".to_owned()))?;
        let metadata = WheelMetadata::parse(&metadata).map_err(|reason| wrong(format!("METADATA: {reason}")))?;
        if !same_name(&metadata.name, &name.name) || metadata.version.parse().ok().as_ref() != Some(&name.version) {
            return Err(wrong(format!("METADATA says {} {}", metadata.name, metadata.version)));
        }
        let entry_points = text("entry_points.txt").unwrap_or_default();
        let entry_points = entry_points::parse(&entry_points).map_err(wrong)?;
        let mut files = Vec::new();
        for entry in archive.entries() {
            let Some(place) = place(&entry.path, &dist_info).map_err(wrong)? else { continue };
            files.push(WheelFile { place, content: unpacked.join(&entry.path), executable: entry.executable });
        }
        Ok(Self { file: file.to_owned(), name, metadata, dist_info, files, entry_points })
    }

    /// The names that it gives to Python: its modules and packages at the highest level.
    pub fn modules(&self) -> BTreeSet<&str> {
        let of = |file: &WheelFile| match &file.place {
            WheelPlace::Library(path) => {
                path.split('/').next().filter(|first| !first.ends_with(".dist-info")).map(str::len)
            }
            _ => None,
        };
        let first = |file| match (of(file), &file.place) {
            (Some(length), WheelPlace::Library(path)) => path.get(..length),
            _ => None,
        };
        self.files.iter().filter_map(first).collect()
    }

    /// Leaves out the modules and packages at the highest level whose names `is_taken` accepts, and returns their names.
    pub fn leave_out(&mut self, is_taken: impl Fn(&str) -> bool) -> Vec<String> {
        let name_of = |module: &str| module.split('.').next().unwrap_or(module).to_owned();
        let taken = |module: &&str| is_taken(&name_of(module));
        let out: BTreeSet<String> = self.modules().into_iter().filter(taken).map(str::to_owned).collect();
        self.files.retain(|file| match &file.place {
            WheelPlace::Library(path) => !out.contains(path.split('/').next().unwrap_or(path)),
            _ => true,
        });
        out.into_iter().collect()
    }

    /// Whether it has programs, or asks for some to be made.
    pub fn has_programs(&self) -> bool {
        !self.entry_points.is_empty() || self.files.iter().any(|file| matches!(file.place, WheelPlace::Script(_)))
    }

    /// Whether it has a file by which it changes how Python starts. That is run for a virtual environment alone.
    pub fn has_path_file(&self) -> bool {
        self.files.iter().any(
            |file| matches!(&file.place, WheelPlace::Library(path) if !path.contains('/') && path.ends_with(".pth")),
        )
    }
}

/// The folder of the metadata. There is one, and it has the wheel's name.
fn dist_info(archive: &WheelArchive, name: &WheelName) -> Result<String, String> {
    let folders: BTreeSet<&str> = archive
        .entries()
        .iter()
        .filter_map(|entry| entry.path.split_once('/').map(|(first, _)| first))
        .filter(|first| first.ends_with(".dist-info"))
        .collect();
    let mut folders = folders.into_iter();
    let (Some(only), None) = (folders.next(), folders.next()) else {
        return Err("it does not have exactly one folder `.dist-info`".to_owned());
    };
    let (theirs, version) = only.trim_end_matches(".dist-info").rsplit_once('-').unwrap_or((only, ""));
    let same_version = version.replace('_', "-").parse().ok().as_ref() == Some(&name.version);
    if same_name(theirs, &name.name) && same_version {
        Ok(only.to_owned())
    } else {
        Err(format!("it has the folder {only}"))
    }
}

/// Whether two names mean one library (PEP 503).
fn same_name(one: &str, other: &str) -> bool {
    match (PackageName::from_str(one), PackageName::from_str(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The format's version: another first number means that it must be read in another way.
fn check_format(wheel: Option<String>) -> Result<(), String> {
    let wheel = wheel.ok_or("it has no file WHEEL")?;
    let version = fields(&wheel).into_iter().find(|(name, _)| name == "Wheel-Version").map(|(_, value)| value);
    match version.as_deref().map(|version| version.split('.').next()) {
        Some(Some("1")) => Ok(()),
        _ => Err(format!("its format has the version {}", version.unwrap_or_default())),
    }
}

/// Where a file belongs. `None` for what is not installed: compiled files, which are made on the server; headers for C; and
/// the list itself, which is written again.
fn place(path: &str, dist_info: &str) -> Result<Option<WheelPlace>, String> {
    if path.split('/').any(|part| part == "__pycache__") || path.ends_with(".pyc") {
        return Ok(None);
    }
    if let Some(rest) = path.strip_prefix(dist_info).and_then(|rest| rest.strip_prefix('/'))
        && matches!(rest, "RECORD" | "RECORD.jws" | "RECORD.p7s" | "INSTALLER" | "REQUESTED" | "direct_url.json")
    {
        return Ok(None);
    }
    let data = format!("{}.data/", dist_info.trim_end_matches(".dist-info"));
    let Some(rest) = path.strip_prefix(&data) else { return Ok(Some(WheelPlace::Library(path.to_owned()))) };
    match rest.split_once('/') {
        Some(("purelib" | "platlib", rest)) => Ok(Some(WheelPlace::Library(rest.to_owned()))),
        Some(("scripts", rest)) if !rest.contains('/') => Ok(Some(WheelPlace::Script(rest.to_owned()))),
        Some(("data", rest)) => Ok(Some(WheelPlace::Data(rest.to_owned()))),
        Some(("headers", _)) => Ok(None),
        _ => Err(format!("{path} belongs to no place that is known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_places() {
        let of = |path: &str| place(path, "a-1.dist-info");
        assert_eq!(of("a/b.py"), Ok(Some(WheelPlace::Library("a/b.py".into()))));
        assert_eq!(of("a-1.data/platlib/a/b.so"), Ok(Some(WheelPlace::Library("a/b.so".into()))));
        assert_eq!(of("a-1.data/scripts/run"), Ok(Some(WheelPlace::Script("run".into()))));
        assert_eq!(of("a-1.data/data/share/man/a.1"), Ok(Some(WheelPlace::Data("share/man/a.1".into()))));
        for out in ["a/__pycache__/b.pyc", "a-1.dist-info/RECORD", "a-1.data/headers/a.h"] {
            assert_eq!(of(out), Ok(None), "{out}");
        }
        assert!(of("a-1.data/elsewhere/x").is_err() && of("a-1.data/scripts/a/b").is_err());
    }
}
