//! Reads a .deb from any builder (deb(5)): its control data as a whole, its files as a stream. Several threads can read
//! packages, also the same one, at the same time.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compress::{self, Compression};
use super::entries::entries;
use crate::control::{Stanza, StanzaError};
use crate::system::epoch::Epoch;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;
/// Where the time of the first member is, in 12 bytes: behind the file's magic and the member's name.
const FIRST_TIME: u64 = 8 + 16;
/// How many bytes are read and decompressed at a time.
const BUFFER: usize = 128 * 1024;
/// The longest file of the control data, in bytes, and the longest control data in all. The longest of Debian are lists of
/// checksums with a third of it.
const LONGEST_CONTROL_FILE: u64 = 32 * 1024 * 1024;
const LONGEST_CONTROL_DATA: u64 = 64 * 1024 * 1024;

/// A `.deb` whose two archives were found, and which is read from the file when it is asked for.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: Arc<File>,
    control: Member,
    data: Member,
}

/// A file of the archive `control.tar`, such as a maintainer script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFile {
    /// Its name, without a leading `./`.
    pub name: String,
    pub mode: u32,
    pub content: Vec<u8>,
}

/// Where a member is in the file, in bytes.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    start: u64,
    end: u64,
    compression: Compression,
}

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReadError {
    /// The file cannot be read, or not be decompressed.
    #[error("cannot read the package {path}: {source}")]
    #[diagnostic(help("if the file is there and readable, it is damaged: fetch it again"))]
    Io {
        path: String,
        /// What the system or the decompressor said.
        #[source]
        source: io::Error,
    },
    /// Not the format of deb(5).
    #[error("{path} is not a Debian package: {what}")]
    #[diagnostic(help("fetch it again; `dpkg-deb --info` says whether dpkg can read it"))]
    Format { path: String, what: String },
    /// A compression that this program does not know.
    #[error("{path} has the member {member}, whose compression is not supported")]
    #[diagnostic(help("none, gzip, xz and Zstandard are; Debian and Ubuntu take no other"))]
    Compression { path: String, member: String },
    /// The file `control` is not control data.
    #[error("the control data of {path} is wrong: {source}")]
    #[diagnostic(help("the package was built by a faulty tool; ask its maintainer"))]
    Control {
        path: String,
        #[source]
        source: StanzaError,
    },
}

impl Reader {
    /// Opens a package and finds its members.
    ///
    /// # Errors
    /// When it cannot be read or is not a Debian package.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let io_error = |source| ReadError::Io { path: path.display().to_string(), source };
        let file = File::open(path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let [control, data] = find_members(&file, length, path)?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), control, data })
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the package was built, as its first member says (ar(5)): no file in a package of Debian is newer. 1970 if it does
    /// not say so.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn built(&self) -> Result<Epoch, ReadError> {
        let mut time = [0; 12];
        let read = self.file.read_exact_at(&mut time, FIRST_TIME);
        read.map_err(|source| ReadError::Io { path: self.path.display().to_string(), source })?;
        let seconds = String::from_utf8_lossy(&time).trim().parse().unwrap_or_default();
        Ok(Epoch::from_seconds(seconds).unwrap_or_default())
    }

    /// The file `control` of the member `control.tar` (deb-control(5)).
    ///
    /// # Errors
    /// When it cannot be read, or the package has no such member.
    pub fn control(&self) -> Result<Stanza, ReadError> {
        let content = self.control_file("control")?.ok_or_else(|| self.format("it has no control data"))?;
        Stanza::parse(&String::from_utf8_lossy(&content))
            .map_err(|source| ReadError::Control { path: self.path.display().to_string(), source })
    }

    /// One file of the control data, such as `postinst`; `None` when the package has none of that name.
    ///
    /// # Errors
    /// When the control data cannot be read.
    pub fn control_file(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let files = self.control_files()?;
        Ok(files.into_iter().find(|file| file.name == name).map(|file| file.content))
    }

    /// All files of the control data, in the order in which they lie there.
    ///
    /// # Errors
    /// When the control data cannot be read.
    pub fn control_files(&self) -> Result<Vec<ControlFile>, ReadError> {
        let read = || {
            let mut archive = self.archive(&self.control)?;
            let (mut files, mut length) = (Vec::new(), 0_u64);
            for entry in entries(&mut archive)? {
                let mut entry = entry?;
                if !entry.header().entry_type().is_file() {
                    continue;
                }
                let name = String::from_utf8_lossy(&entry.path()).trim_start_matches("./").to_owned();
                let mode = entry.header().mode()? & 0o7777;
                let mut content = Vec::new();
                entry.by_ref().take(LONGEST_CONTROL_FILE.saturating_add(1)).read_to_end(&mut content)?;
                length = length.saturating_add(content.len() as u64);
                if content.len() as u64 > LONGEST_CONTROL_FILE || length > LONGEST_CONTROL_DATA {
                    let megabytes = [LONGEST_CONTROL_FILE, LONGEST_CONTROL_DATA].map(|bytes| bytes >> 20);
                    let [one, all] = megabytes;
                    return Err(io::Error::other(format!(
                        "its control file `{name}` has more than {one} MiB, or all of them have more than {all} MiB"
                    )));
                }
                files.push(ControlFile { name, mode, content });
            }
            finish(archive)?;
            Ok(files)
        };
        read().map_err(|source| self.io(source))
    }

    /// The files as a tar archive, which is decompressed while it is read. Its errors name the package. Read it with
    /// [`entries`], which has limits, and call [`finish`] after the last entry: it finds damage after that entry.
    ///
    /// # Errors
    /// When the decompressor cannot start.
    pub fn data(&self) -> Result<tar::Archive<Box<dyn Read + Send>>, ReadError> {
        self.archive(&self.data).map_err(|source| self.io(source))
    }

    fn archive(&self, member: &Member) -> io::Result<tar::Archive<Box<dyn Read + Send>>> {
        let raw = MemberReader { file: Arc::clone(&self.file), position: member.start, end: member.end };
        let decoder = compress::decoder(member.compression, BufReader::with_capacity(BUFFER, raw))?;
        let named = NamedReader { inner: decoder, path: self.path.clone(), member: member.name.clone() };
        Ok(tar::Archive::new(Box::new(BufReader::with_capacity(BUFFER, named))))
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.display().to_string(), source }
    }

    fn format(&self, what: &str) -> ReadError {
        ReadError::Format { path: self.path.display().to_string(), what: what.to_owned() }
    }
}

/// Reads what is left of an archive after its last entry, so that the decompressor verifies its checksum.
///
/// # Errors
/// When the package is damaged.
pub fn finish(archive: tar::Archive<Box<dyn Read + Send>>) -> io::Result<()> {
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

/// Finds where in the file `control.tar*` and `data.tar*` begin and end.
fn find_members(file: &File, length: u64, path: &Path) -> Result<[Member; 2], ReadError> {
    let shown = || path.display().to_string();
    let format = |what: &str| ReadError::Format { path: shown(), what: what.to_owned() };
    let read_at = |buffer: &mut [u8], position: u64| match file.read_exact_at(buffer, position) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(format("it ends too early")),
        other => other.map_err(|source| ReadError::Io { path: shown(), source }),
    };
    let mut magic = [0; MAGIC.len()];
    read_at(&mut magic, 0)?;
    if &magic != MAGIC {
        return Err(format("it is not an ar archive"));
    }
    let (mut position, mut control, mut version_seen) = (MAGIC.len() as u64, None, false);
    loop {
        if position >= length {
            let missing = if control.is_none() { "it has no control.tar" } else { "it has no data.tar" };
            return Err(format(missing));
        }
        let mut header = [0; HEADER];
        read_at(&mut header, position)?;
        let (name, size) = parse_header(&header).ok_or_else(|| format("a member's header is damaged"))?;
        let start = position.saturating_add(HEADER as u64);
        let end = start.checked_add(size).filter(|end| *end <= length).ok_or_else(|| format("it ends too early"))?;
        position = end.saturating_add(size % 2);
        if !version_seen {
            let mut version = [0; 2];
            read_at(&mut version, start)?;
            if name != "debian-binary" || &version != b"2." {
                return Err(format("it does not begin with the format version 2"));
            }
            version_seen = true;
            continue;
        }
        // deb(5): names that begin with `_` are for others' use.
        if name.starts_with('_') {
            continue;
        }
        let wanted = if control.is_none() { "control.tar" } else { "data.tar" };
        let suffix = name.strip_prefix(wanted);
        let suffix = suffix.ok_or_else(|| format(&format!("it has `{name}` where {wanted} was expected")))?;
        let compression = Compression::from_suffix(suffix)
            .ok_or_else(|| ReadError::Compression { path: shown(), member: name.clone() })?;
        let member = Member { name, start, end, compression };
        match control.take() {
            None => control = Some(member),
            Some(control) => return Ok([control, member]),
        }
    }
}

/// The name and the size in a member's header.
fn parse_header(header: &[u8; HEADER]) -> Option<(String, u64)> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.ends_with("`\n"))?;
    let name = text.get(..16)?.trim_end();
    let size = text.get(48..58)?.trim_end();
    let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    let size = size.parse().ok().filter(|_| digits)?;
    Some((name.strip_suffix('/').unwrap_or(name).to_owned(), size))
}

/// Reads a member's bytes by position, so that several readers of one file do not disturb each other.
struct MemberReader {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

/// Names the package in every error.
struct NamedReader {
    inner: Box<dyn Read + Send>,
    path: PathBuf,
    member: String,
}

impl Read for NamedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("{} of {}: {error}", self.member, self.path.display())),
        })
    }
}
