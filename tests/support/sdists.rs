//! Source distributions that a test makes, for an index of its own.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// A source distribution that is being made: an archive with one folder.
#[derive(Debug, Clone)]
pub struct Sdist {
    pub name: String,
    pub version: String,
    entries: Vec<(String, EntryType, Vec<u8>)>,
}

/// A backend of the project itself, which packs the module that the project's `make` returns.
const BACKEND: &str = r#"
import base64, hashlib, os, pathlib, zipfile

NAME, VERSION = "@name@", "@version@"

def make():
    return b"VERSION = '@version@'\n"

@code@

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = f"{NAME}-{VERSION}.dist-info"
    files = {
        f"{NAME}.py": make(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}\n")
    files[f"{info}/RECORD"] = ("".join(lines) + f"{info}/RECORD,,\n").encode()
    wheel = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return wheel
"#;

impl Sdist {
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), entries: Vec::new() }
    }

    /// One that builds itself, without any further library. `code` is a part of its backend.
    pub fn of_itself(name: &str, version: &str, code: &str) -> Self {
        let backend = BACKEND.replace("@name@", name).replace("@version@", version).replace("@code@", code);
        let settings = "[build-system]\nrequires = []\nbuild-backend = \"own\"\nbackend-path = [\"backend\"]\n";
        Self::new(name, version).file("pyproject.toml", settings).file("backend/own.py", &backend)
    }

    fn folder(&self) -> String {
        format!("{}-{}", self.name.replace('-', "_"), self.version)
    }

    /// Adds a file to the folder that the archive unpacks to.
    pub fn file(self, path: &str, content: &str) -> Self {
        let path = format!("{}/{path}", self.folder());
        self.entry(&path, EntryType::Regular, content)
    }

    /// An entry of the archive. The content of a link is its target.
    pub fn entry(mut self, path: &str, kind: EntryType, content: &str) -> Self {
        self.entries.push((path.to_owned(), kind, content.as_bytes().to_vec()));
        self
    }

    pub fn file_name(&self) -> String {
        format!("{}.tar.gz", self.folder())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (path, kind, content) in &self.entries {
            let mut header = Header::new_gnu();
            // The checks of the crate are for those who make honest archives.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            header.set_mtime(1_700_000_000);
            let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
            let content: &[u8] = if is_link {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
                &[]
            } else {
                content
            };
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, content).unwrap();
        }
        let mut zip = GzEncoder::new(Vec::new(), Compression::default());
        zip.write_all(&archive.into_inner().unwrap()).unwrap();
        zip.finish().unwrap()
    }
}
