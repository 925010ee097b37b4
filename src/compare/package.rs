//! Reads a package: its control data as fields and files, and what it installs.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use tar::EntryType;

use super::error::{CompareError, check_interrupt};
use super::side::{Entry, Kind, Side, What};
use crate::deb::{Reader, entries, finish};
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;

pub(super) fn read(path: &Path) -> Result<Side, CompareError> {
    let shown = path.display().to_string();
    let failed = |source| CompareError::Read { path: shown.clone(), source };
    let (sha256, _) = Sha256::of_file(path).map_err(failed)?;
    let reader = Reader::open(path)?;
    let control = reader.control()?;
    let fields: BTreeMap<String, String> =
        control.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let of = |field: &str| control.get(field).unwrap_or_default().to_owned();
    let mut files = BTreeMap::new();
    for file in reader.control_files()? {
        // What is in `control` is compared field by field, and `md5sums` follows from the files.
        if ["control", "md5sums"].contains(&file.name.as_str()) {
            continue;
        }
        let content = Some(Sha256::of(&file.content).to_string());
        let size = file.content.len() as u64;
        let entry = Entry { kind: Kind::File, mode: file.mode, uid: 0, gid: 0, size, modified: 0, content };
        files.insert(format!("DEBIAN/{}", file.name), entry);
    }
    read_data(&reader, &mut files).map_err(failed)?;
    check_interrupt()?;
    Ok(Side {
        path: shown.clone(),
        what: What::Package,
        sha256,
        packages: BTreeMap::from([(of("Package"), of("Version"))]),
        fields,
        files,
        owners: BTreeMap::new(),
    })
}

fn read_data(reader: &Reader, files: &mut BTreeMap<String, Entry>) -> io::Result<()> {
    let mut archive = reader.data().map_err(io::Error::other)?;
    for entry in entries(&mut archive)? {
        let mut entry = entry?;
        if interrupt::requested() {
            return Ok(());
        }
        let path = absolute(&entry.path());
        let header = entry.header();
        let (mode, uid, gid) = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
        let modified = i64::try_from(header.mtime()?).unwrap_or(i64::MAX);
        let device = || -> io::Result<Option<String>> {
            let [major, minor] = [header.device_major()?, header.device_minor()?].map(Option::unwrap_or_default);
            Ok(Some(format!("{major}:{minor}")))
        };
        let target = entry.target().map(|target| String::from_utf8_lossy(&target).into_owned());
        let (kind, content) = match header.entry_type() {
            EntryType::Directory => (Kind::Folder, None),
            EntryType::Symlink => (Kind::Link, target),
            EntryType::Char => (Kind::CharacterDevice, device()?),
            EntryType::Block => (Kind::BlockDevice, device()?),
            EntryType::Fifo => (Kind::Fifo, None),
            EntryType::Link => {
                // Another name of a file that came before.
                let first = target.map(|target| absolute(target.as_bytes()));
                if let Some(first) = first.and_then(|first| files.get(&first).cloned()) {
                    files.insert(path, first);
                }
                continue;
            }
            _ => {
                let (sha256, size) = digest(&mut entry)?;
                let content = Some(sha256.to_string());
                files.insert(path, Entry { kind: Kind::File, mode, uid, gid, size, modified, content });
                continue;
            }
        };
        files.insert(path, Entry { kind, mode, uid, gid, size: 0, modified, content });
    }
    finish(archive)
}

fn absolute(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path).trim_start_matches("./").trim_matches('/'))
}

fn digest(source: &mut impl Read) -> io::Result<(Sha256, u64)> {
    let mut writer = HashingWriter::new(io::sink());
    io::copy(source, &mut writer)?;
    let (_, sha256, length) = writer.finish();
    Ok((sha256, length))
}
