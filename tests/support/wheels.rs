//! Wheels that a test makes, and an index that has them, on the loopback interface.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stackdeb::system::hash;
use zip::write::SimpleFileOptions;

use crate::mirror::Mirror;

/// A wheel that is being made. It begins as a valid one with a single module.
#[derive(Debug, Clone)]
pub struct Wheel {
    pub name: String,
    pub version: String,
    /// `py3-none-any`
    pub tag: String,
    /// Appended to the file METADATA of the wheel, each line with its break.
    pub metadata: String,
    /// Paths with contents and Unix modes, without the list.
    pub files: BTreeMap<String, (Vec<u8>, u32)>,
    /// The list in place of the right one.
    pub record: Option<String>,
}

impl Wheel {
    pub fn new(name: &str, version: &str, tag: &str) -> Self {
        let module = name.replace('-', "_");
        let text = format!("VERSION = \"{version}\"\n");
        let (name, version, tag) = (name.to_owned(), version.to_owned(), tag.to_owned());
        let wheel = Self { name, version, tag, metadata: String::new(), files: BTreeMap::new(), record: None };
        wheel.file(&format!("{module}.py"), text.as_bytes())
    }

    pub fn metadata(mut self, lines: &str) -> Self {
        self.metadata.push_str(lines);
        self
    }

    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.file_with_mode(path, content, 0o100_644)
    }

    pub fn file_with_mode(mut self, path: &str, content: &[u8], mode: u32) -> Self {
        self.files.insert(path.to_owned(), (content.to_vec(), mode));
        self
    }

    pub fn dist_info(&self) -> String {
        format!("{}-{}.dist-info", self.name.replace('-', "_"), self.version)
    }

    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name.replace('-', "_"), self.version, self.tag)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let info = self.dist_info();
        let mut files = self.files.clone();
        let metadata =
            format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n{}", self.name, self.version, self.metadata);
        let wheel = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {}\n", self.tag);
        for (name, text) in [("METADATA", metadata), ("WHEEL", wheel)] {
            files.entry(format!("{info}/{name}")).or_insert((text.into_bytes(), 0o100_644));
        }
        let line = |(path, (content, _)): (&String, &(Vec<u8>, u32))| {
            format!("{path},sha256={},{}\n", URL_SAFE_NO_PAD.encode(Sha256::digest(content)), content.len())
        };
        let list: String = files.iter().map(line).collect();
        let record = self.record.clone().unwrap_or_else(|| format!("{list}{info}/RECORD,,\n"));
        files.insert(format!("{info}/RECORD"), (record.into_bytes(), 0o100_644));
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, (content, mode)) in files {
            if mode & 0o170_000 == 0o120_000 {
                zip.add_symlink(path, String::from_utf8(content).unwrap(), SimpleFileOptions::default()).unwrap();
                continue;
            }
            zip.start_file(path, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            zip.write_all(&content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// An index with these wheels (PEP 503). Its address is that of the mirror and `/simple/`.
pub fn index(wheels: &[Wheel]) -> Mirror {
    Mirror::start(index_files(wheels))
}

/// What such an index answers.
pub fn index_files(wheels: &[Wheel]) -> HashMap<String, Vec<u8>> {
    files_of(wheels.iter().map(|wheel| (wheel.name.clone(), wheel.file_name(), wheel.bytes())))
}

/// An index with these files: the name of a library, of a file of it, and its content.
pub fn index_of(all: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> Mirror {
    Mirror::start(files_of(all))
}

fn files_of(all: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> HashMap<String, Vec<u8>> {
    let mut files = HashMap::new();
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for (library, name, bytes) in all {
        let link = format!("<a href=\"../../files/{name}#sha256={}\">{name}</a><br>\n", hash::Sha256::of(&bytes));
        pages.entry(library.to_lowercase().replace('_', "-")).or_default().push_str(&link);
        files.insert(format!("files/{name}"), bytes);
    }
    for (name, links) in pages {
        files.insert(
            format!("simple/{name}/"),
            format!("<!DOCTYPE html><html><body>\n{links}</body></html>\n").into_bytes(),
        );
    }
    files
}
