//! Reads a package: its control data as fields and files, and what it installs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use tar::EntryType;

use super::error::{CompareError, check_interrupt};
use super::side::{self, Side, TreeEntry, TreeEntryKind, What};
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
        let entry = entry(TreeEntryKind::File, (file.mode, 0, 0), size, 0, content);
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
        // dpkg unpacks no extended attributes.
        has_details: true,
    })
}

fn entry(
    kind: TreeEntryKind,
    (mode, uid, gid): (u32, u64, u64),
    size: u64,
    modified: i64,
    content: Option<String>,
) -> TreeEntry {
    let (attributes, other_names) = (BTreeMap::new(), BTreeSet::new());
    TreeEntry { kind, mode, uid, gid, size, modified, content, attributes, other_names }
}

fn read_data(reader: &Reader, files: &mut BTreeMap<String, TreeEntry>) -> io::Result<()> {
    let mut archive = reader.data().map_err(io::Error::other)?;
    // The names of each file that has several, by the first one.
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in entries(&mut archive)? {
        let mut found = found?;
        if interrupt::requested() {
            return Ok(());
        }
        let path = absolute(&found.path());
        let header = found.header();
        let rights = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
        let modified = i64::try_from(header.mtime()?).unwrap_or(i64::MAX);
        let device = || -> io::Result<Option<String>> {
            let [major, minor] = [header.device_major()?, header.device_minor()?].map(Option::unwrap_or_default);
            Ok(Some(format!("{major}:{minor}")))
        };
        let target = found.target().map(|target| String::from_utf8_lossy(&target).into_owned());
        let (kind, content) = match header.entry_type() {
            EntryType::Directory => (TreeEntryKind::Folder, None),
            EntryType::Symlink => (TreeEntryKind::Link, target),
            EntryType::Char => (TreeEntryKind::CharacterDevice, device()?),
            EntryType::Block => (TreeEntryKind::BlockDevice, device()?),
            EntryType::Fifo => (TreeEntryKind::Fifo, None),
            EntryType::Link => {
                // Another name of a file that came before.
                let first = target.map(|target| absolute(target.as_bytes()));
                if let Some((first, entry)) = first.and_then(|first| Some((first.clone(), files.get(&first)?.clone())))
                {
                    names.entry(first.clone()).or_default().extend([first, path.clone()]);
                    files.insert(path, entry);
                }
                continue;
            }
            _ => {
                let (sha256, size) = digest(&mut found)?;
                files.insert(path, entry(TreeEntryKind::File, rights, size, modified, Some(sha256.to_string())));
                continue;
            }
        };
        files.insert(path, entry(kind, rights, 0, modified, content));
    }
    side::set_other_names(files, names.into_values());
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
