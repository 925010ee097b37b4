//! A source distribution (PEP 625, PEP 517, PEP 518): an archive of known digest → the folder in it, what its build needs, and
//! the time of its newest file. An archive with a path or a link that leads out of that folder is refused. It is unpacked in the
//! sandbox alone.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use pep440_rs::Version;
use pep508_rs::{PackageName, Requirement, VerbatimUrl, VersionOrUrl};
use serde::Deserialize;
use tar::EntryType;
use zip::ZipArchive;

use crate::python::PythonError;
use crate::system::epoch::Epoch;
use crate::system::interrupt;

/// The ends of the names of archives that are read.
const ENDS: [&str; 3] = [".tar.gz", ".tgz", ".zip"];
/// The largest content of an archive, in bytes.
const LARGEST: u64 = 4 << 30;
/// The largest `pyproject.toml`, in bytes.
const LARGEST_SETTINGS: u64 = 1 << 20;
/// The times that a zip file, and so a wheel, can have: from the year 1980 to 2107, in seconds.
const TIMES: (u64, u64) = (315_532_800, 4_294_967_295);
/// The kind of file in a Unix mode (inode(7)): a symbolic link, and the mask of all kinds.
const LINK: u32 = 0o120_000;
const KINDS: u32 = 0o170_000;
/// What builds a project that does not say what does (PEP 517, "build-system table").
const LEGACY: &str = "setuptools.build_meta:__legacy__";

/// What is known about a source distribution.
#[derive(Debug)]
pub struct Sdist {
    /// The folder that everything in the archive is in.
    pub folder: String,
    pub system: BuildSystem,
    /// The time of its newest file.
    pub epoch: Epoch,
}

/// What `[build-system]` of its `pyproject.toml` asks for (PEP 518).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// The libraries that the build needs.
    pub requires: Vec<String>,
    /// The object that builds: `MODULE:OBJECT`.
    pub backend: String,
    /// The folders of the project in which that module may be.
    pub paths: Vec<String>,
}

/// The version that the name of a source distribution says; `None` when it is not such a name.
pub fn version(file: &str) -> Option<Version> {
    parts(file).map(|(_, version)| version)
}

/// The same, if it is one of that library.
pub(in crate::python) fn version_of(file: &str, library: &PackageName) -> Option<Version> {
    parts(file).filter(|(name, _)| name == library).map(|(_, version)| version)
}

fn parts(file: &str) -> Option<(PackageName, Version)> {
    let stem = ENDS.into_iter().find_map(|end| file.strip_suffix(end))?;
    let (name, version) = stem.rsplit_once('-')?;
    Some((PackageName::from_str(name).ok()?, version.parse().ok()?))
}

impl Sdist {
    /// Reads the archive at `path`, whose digest was checked. `file` is its name in the index.
    ///
    /// # Errors
    /// When it is not such an archive, leads out of its folder, or does not say how it is built.
    pub fn open(path: &Path, file: &str) -> Result<Self, PythonError> {
        let wrong = |reason: String| PythonError::Sdist { file: file.to_owned(), reason };
        let open = || File::open(path).map(BufReader::new).map_err(|error| wrong(error.to_string()));
        let mut found = SdistContents::default();
        match file.ends_with(".zip") {
            true => found.read_zip(open()?),
            false => found.read_tar(open()?),
        }
        .map_err(wrong)?;
        let folder = found.folder.ok_or_else(|| wrong("it is empty".to_owned()))?;
        let system = BuildSystem::parse(found.settings.as_deref()).map_err(wrong)?;
        let seconds = i64::try_from(found.newest.clamp(TIMES.0, TIMES.1)).unwrap_or_default();
        let epoch = Epoch::from_seconds(seconds).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { folder, system, epoch })
    }
}

/// What was seen of an archive so far.
#[derive(Default)]
struct SdistContents {
    folder: Option<String>,
    settings: Option<String>,
    newest: u64,
    total: u64,
}

impl SdistContents {
    fn read_tar(&mut self, file: BufReader<File>) -> Result<(), String> {
        let broken = |error: io::Error| format!("it is not a tar archive in gzip: {error}");
        // One byte more than is allowed shows that there is more.
        let mut archive = tar::Archive::new(MultiGzDecoder::new(file).take(LARGEST.saturating_add(1)));
        for entry in archive.entries().map_err(broken)? {
            interrupt::check().map_err(|error| error.to_string())?;
            let mut entry = entry.map_err(broken)?;
            let kind = entry.header().entry_type();
            if kind == EntryType::XGlobalHeader {
                continue;
            }
            let path = entry.path().map_err(broken)?.into_owned();
            let target = entry.link_name().map_err(broken)?.map(std::borrow::Cow::into_owned);
            let size = entry.size();
            let inside = self.add(&path, size, entry.header().mtime().unwrap_or_default())?;
            match (kind, target) {
                (EntryType::Regular | EntryType::Continuous | EntryType::Directory, _) => {}
                // The target of a symbolic link begins at its own folder, that of a hard link at the archive's.
                (EntryType::Symlink, Some(target)) => {
                    let base = path.parent().unwrap_or(Path::new(""));
                    self.check_inside(&base.join(&target), &path)?;
                }
                (EntryType::Link, Some(target)) => self.check_inside(&target, &path)?,
                _ => return Err(format!("{} is neither a file nor a folder nor a link", shown(&path))),
            }
            if inside == "pyproject.toml" && kind == EntryType::Regular {
                self.read_settings(&mut entry)?;
            }
        }
        Ok(())
    }

    fn read_zip(&mut self, file: BufReader<File>) -> Result<(), String> {
        let mut zip = ZipArchive::new(file).map_err(|error| format!("it is not a zip file: {error}"))?;
        for index in 0..zip.len() {
            interrupt::check().map_err(|error| error.to_string())?;
            let mut entry =
                zip.by_index(index).map_err(|error| format!("its entry {index} cannot be read: {error}"))?;
            let path = std::str::from_utf8(entry.name_raw()).map_err(|_| "a file's name is not UTF-8".to_owned())?;
            if path.contains('\\') || entry.unix_mode().is_some_and(|mode| mode & KINDS == LINK) {
                return Err(format!("the path `{}` is a link, or not a path", path.escape_debug()));
            }
            let inside = self.add(Path::new(&path.to_owned()), entry.size(), 0)?;
            if inside == "pyproject.toml" && entry.is_file() {
                self.read_settings(&mut entry)?;
            }
        }
        Ok(())
    }

    /// Counts an entry. Returns its path inside of the folder.
    fn add(&mut self, path: &Path, size: u64, time: u64) -> Result<String, String> {
        self.total = self.total.saturating_add(size);
        if self.total > LARGEST {
            return Err(format!("it unpacks to more than {} GB", LARGEST >> 30));
        }
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                _ => return Err(format!("the path {} leads out of it", shown(path))),
            }
        }
        let Some((first, rest)) = parts.split_first() else { return Ok(String::new()) };
        if self.folder.get_or_insert_with(|| first.clone()) != first {
            return Err(format!("not everything is in one folder: {}", shown(path)));
        }
        self.newest = self.newest.max(time);
        Ok(rest.join("/"))
    }

    /// Checks that the target of the link `link` is in the same folder.
    fn check_inside(&self, target: &Path, link: &Path) -> Result<(), String> {
        let mut depth = Vec::new();
        for part in target.components() {
            match part {
                Component::Normal(part) => depth.push(part),
                Component::CurDir => {}
                Component::ParentDir if depth.pop().is_some() => {}
                _ => return Err(format!("the link {} leads out of it", shown(link))),
            }
        }
        match (depth.first(), &self.folder) {
            (Some(first), Some(folder)) if first.to_string_lossy() == folder.as_str() => Ok(()),
            _ => Err(format!("the link {} leads out of it", shown(link))),
        }
    }

    fn read_settings(&mut self, from: &mut dyn Read) -> Result<(), String> {
        let mut text = String::new();
        let read = from.take(LARGEST_SETTINGS).read_to_string(&mut text);
        read.map_err(|error| format!("its pyproject.toml cannot be read: {error}"))?;
        self.settings = Some(text);
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display().to_string().escape_debug())
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BuildSystemDocument {
    build_system: Option<BuildSystemTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BuildSystemTable {
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

impl BuildSystem {
    /// Reads `pyproject.toml`; without one, setuptools builds. The error is a phrase.
    fn parse(text: Option<&str>) -> Result<Self, String> {
        let document = text.map(toml::from_str::<BuildSystemDocument>).transpose();
        let document = document.map_err(|error| format!("its pyproject.toml cannot be used: {error}"))?;
        let Some(table) = document.and_then(|document| document.build_system) else {
            let requires = ["setuptools", "wheel"].map(str::to_owned).to_vec();
            return Ok(Self { requires, backend: LEGACY.to_owned(), paths: Vec::new() });
        };
        let requires = table.requires.iter().map(|text| requirement(text)).collect::<Result<_, _>>()?;
        let backend = table.build_backend.unwrap_or_else(|| LEGACY.to_owned());
        Ok(Self { requires, backend, paths: table.backend_path })
    }
}

/// A requirement of a build, in one line. One with an address would have a resolver run code that nobody has checked. The error
/// is a phrase.
pub(in crate::python) fn requirement(text: &str) -> Result<String, String> {
    let read = Requirement::<VerbatimUrl>::from_str(text);
    let read = read.map_err(|_| format!("its build needs `{}`, which is not a requirement", text.escape_debug()))?;
    match read.version_or_url {
        Some(VersionOrUrl::Url(_)) => Err(format!("its build needs `{}`, which names an address", text.escape_debug())),
        _ => Ok(read.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_versions() {
        let name = PackageName::from_str("some-library").unwrap();
        for file in ["some_library-1.0.tar.gz", "some-library-1.0.zip", "Some.Library-1.0.tgz"] {
            assert_eq!(version_of(file, &name), Some("1.0".parse().unwrap()), "{file}");
        }
        for file in ["other-1.0.tar.gz", "some_library-1.0-py3-none-any.whl", "some_library-1.0.exe", "x.tar.gz"] {
            assert_eq!(version_of(file, &name), None, "{file}");
        }
    }

    #[test]
    fn the_build_system_is_read() {
        let without = BuildSystem::parse(None).unwrap();
        assert_eq!((without.requires.join(" "), without.backend.as_str()), ("setuptools wheel".to_owned(), LEGACY));
        let table = "[build-system]\nrequires = [\"hatchling >=1\"]\nbuild-backend = \"hatchling.build\"\n";
        let read = BuildSystem::parse(Some(table)).unwrap();
        assert_eq!((read.requires.join(" "), read.backend.as_str()), ("hatchling>=1".to_owned(), "hatchling.build"));
        for hostile in ["--index-url=https://e.example/", "-r /etc/passwd", "x @ git+https://e.example/x", "x\\ny"] {
            let text = format!("[build-system]\nrequires = [\"{hostile}\"]\n");
            assert!(BuildSystem::parse(Some(&text)).is_err(), "{hostile}");
        }
        assert!(BuildSystem::parse(Some("[build-system]\n")).is_err());
    }
}
