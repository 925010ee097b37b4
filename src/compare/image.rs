//! Reads an image: its ext4 file system, and dpkg's database in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ext4_view::{Ext4, Ext4Error, FileType, Metadata};
use flate2::bufread::MultiGzDecoder;

use super::attributes;
use super::error::{CompareError, check_interrupt};
use super::inodes::{self, Inodes};
use super::side::{self, Side, TreeEntry, TreeEntryKind, What};
use crate::control::Stanzas;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;

/// The largest image that is decompressed, in GB. Linode takes 6.
const LARGEST: u64 = 64;
/// How many bytes are read at a time. A part of a decompressed image in which all are zero becomes a hole.
const BUFFER: usize = 64 * 1024;

pub(super) fn read(path: &Path, is_compressed: bool, work: &Path) -> Result<Side, CompareError> {
    let shown = path.display().to_string();
    let failed = |source| CompareError::Read { path: shown.clone(), source };
    let decompressed;
    let raw: &Path = match is_compressed {
        false => path,
        true => {
            let file = tempfile::NamedTempFile::new_in(work).map_err(|source| CompareError::Write { source })?;
            decompress(path, file.as_file())?;
            decompressed = file;
            decompressed.path()
        }
    };
    let (sha256, length) = Sha256::of_file(raw).map_err(failed)?;
    check_interrupt()?;
    let wrong = |error: Ext4Error| CompareError::FileSystem { path: shown.clone(), reason: error.to_string() };
    let system = Ext4::load_from_path(raw).map_err(wrong)?;
    let inodes = File::open(raw).and_then(Inodes::open).map_err(failed)?;
    let mut image = ComparedImage { system, inodes, length };
    let files = image.files().map_err(wrong)?;
    check_interrupt()?;
    Ok(Side {
        path: shown.clone(),
        what: What::Image,
        sha256,
        packages: image.packages(),
        fields: BTreeMap::new(),
        owners: image.owners(&files),
        files,
        has_details: image.inodes.is_some(),
    })
}

/// Writes the image that is compressed in `path`.
fn decompress(path: &Path, mut output: &File) -> Result<(), CompareError> {
    let shown = || path.display().to_string();
    let failed = |source| CompareError::Read { path: shown(), source };
    let unwritten = |source| CompareError::Write { source };
    let source = File::open(path).map_err(failed)?;
    let most = LARGEST.saturating_mul(1_000_000_000);
    let mut source = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, source)).take(most.saturating_add(1));
    let (mut buffer, mut length) = (vec![0; BUFFER], 0_u64);
    loop {
        check_interrupt()?;
        let count = fill(&mut source, &mut buffer).map_err(failed)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        length = length.saturating_add(count as u64);
        if length > most {
            return Err(CompareError::TooLarge { path: shown(), most: LARGEST });
        }
        if bytes.iter().all(|byte| *byte == 0) {
            output.seek(SeekFrom::Start(length)).map_err(unwritten)?;
        } else {
            output.write_all(bytes).map_err(unwritten)?;
        }
    }
    output.set_len(length).map_err(unwritten)
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct ComparedImage {
    system: Ext4,
    /// `None` if its form is not known.
    inodes: Option<Inodes>,
    /// In bytes.
    length: u64,
}

impl ComparedImage {
    /// Everything in it. Fewer if the user interrupts.
    fn files(&mut self) -> Result<BTreeMap<String, TreeEntry>, Ext4Error> {
        let mut files = BTreeMap::new();
        let mut names: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        let mut folders: Vec<(ext4_view::PathBuf, u32)> = vec![(ext4_view::PathBuf::new("/"), inodes::ROOT)];
        while let Some((folder, number)) = folders.pop() {
            let numbers = self.detail(|inodes| inodes.folder(number))?;
            for entry in self.system.read_dir(&folder)? {
                let entry = entry?;
                if interrupt::requested() {
                    return Ok(files);
                }
                let name = entry.file_name();
                if [&b"."[..], b".."].contains(&name.as_ref()) || (name == "lost+found" && folder == "/") {
                    continue;
                }
                let (path, metadata) = (entry.path(), entry.metadata()?);
                // No inode has the number 0: a name that is not found is an error.
                let bytes: &[u8] = name.as_ref();
                let number = numbers.as_ref().and_then(|all| all.get(bytes)).copied().unwrap_or_default();
                if metadata.is_dir() {
                    folders.push((path.clone(), number));
                }
                let shown = String::from_utf8_lossy(path.as_ref()).into_owned();
                let mut entry = self.entry(&path, &metadata)?;
                if let Some(details) = self.detail(|inodes| inodes.details(number))? {
                    if entry.kind.is_device() {
                        let (major, minor) = details.device;
                        entry.content = Some(format!("{major}:{minor}"));
                    }
                    if details.links > 1 && entry.kind != TreeEntryKind::Folder {
                        names.entry(number).or_default().insert(shown.clone());
                    }
                    let words = |(name, value): (String, Vec<u8>)| {
                        let words = attributes::words(&name, &value);
                        (name, words)
                    };
                    entry.attributes = details.attributes.into_iter().map(words).collect();
                }
                files.insert(shown, entry);
            }
        }
        side::set_other_names(&mut files, names.into_values());
        Ok(files)
    }

    /// Asks the inodes; `None` if their form is not known, which is remembered.
    fn detail<T>(&mut self, ask: impl FnOnce(&Inodes) -> io::Result<T>) -> Result<Option<T>, Ext4Error> {
        match self.inodes.as_ref().map(ask).transpose() {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.inodes = None;
                Ok(None)
            }
            answer => answer.map_err(|error| Ext4Error::Io(Box::new(error))),
        }
    }

    fn entry(&self, path: &ext4_view::PathBuf, metadata: &Metadata) -> Result<TreeEntry, Ext4Error> {
        let kind = match metadata.file_type() {
            FileType::Directory => TreeEntryKind::Folder,
            FileType::Symlink => TreeEntryKind::Link,
            FileType::CharacterDevice => TreeEntryKind::CharacterDevice,
            FileType::BlockDevice => TreeEntryKind::BlockDevice,
            FileType::Fifo => TreeEntryKind::Fifo,
            FileType::Socket => TreeEntryKind::Socket,
            FileType::Regular => TreeEntryKind::File,
        };
        let content = match kind {
            TreeEntryKind::Link => Some(String::from_utf8_lossy(self.system.read_link(path)?.as_ref()).into_owned()),
            // A file with more bytes than the image is nearly all hole.
            TreeEntryKind::File if metadata.len() <= self.length => Some(self.digest(path)?.to_string()),
            _ => None,
        };
        Ok(TreeEntry {
            kind,
            mode: u32::from(metadata.mode()),
            uid: u64::from(metadata.uid()),
            gid: u64::from(metadata.gid()),
            size: if kind == TreeEntryKind::File { metadata.len() } else { 0 },
            modified: metadata.modified().seconds(),
            content,
            attributes: BTreeMap::new(),
            other_names: BTreeSet::new(),
        })
    }

    fn digest(&self, path: &ext4_view::PathBuf) -> Result<Sha256, Ext4Error> {
        let mut file = self.system.open(path)?;
        let mut writer = HashingWriter::new(io::sink());
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = file.read_bytes(&mut buffer)?;
            match buffer.get(..count) {
                None | Some([]) => break,
                // Nothing can go wrong with a sink.
                Some(bytes) => drop(writer.write_all(bytes)),
            }
        }
        Ok(writer.finish().1)
    }

    /// The installed packages; none in an image without dpkg's database.
    fn packages(&self) -> BTreeMap<String, String> {
        let status = self.system.read("/var/lib/dpkg/status").unwrap_or_default();
        let mut found = BTreeMap::new();
        for stanza in Stanzas::new(status.as_slice()).map_while(Result::ok) {
            let field = |name: &str| stanza.get(name).unwrap_or_default().to_owned();
            if field("Status").ends_with(" installed") {
                found.insert(field("Package"), field("Version"));
            }
        }
        found
    }

    /// Which package each file belongs to, as dpkg's lists say; dpkg's own files about a package count to it.
    fn owners(&self, files: &BTreeMap<String, TreeEntry>) -> BTreeMap<String, String> {
        const INFO: &str = "/var/lib/dpkg/info/";
        let mut owners = HashMap::new();
        let about = files.keys().filter_map(|path| Some((path, path.strip_prefix(INFO)?)));
        for (path, name) in about {
            let Some((package, kind)) = name.rsplit_once('.') else { continue };
            let package = package.split(':').next().unwrap_or(package);
            owners.insert(path.clone(), package.to_owned());
            if kind != "list" {
                continue;
            }
            let list = self.system.read(path.as_str()).unwrap_or_default();
            for line in String::from_utf8_lossy(&list).lines() {
                // A package may still name a file by the link that stands where its folder was.
                let path = [line.to_owned(), format!("/usr{line}")].into_iter().find(|path| files.contains_key(path));
                if let Some(path) =
                    path.filter(|path| files.get(path).is_some_and(|one| one.kind != TreeEntryKind::Folder))
                {
                    owners.insert(path, package.to_owned());
                }
            }
        }
        owners.into_iter().collect()
    }
}
