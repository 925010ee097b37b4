//! Writes a [`CheckedPackage`] as a .deb. First the payload goes through the compressor into an unnamed temporary file,
//! because an ar header states the size of its member. Each file is hashed at the same time, so that it is read only once.
//! Then follow the control data and the output. The memory that is needed does not depend on the size of the payload.

use std::env;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::compress::Encoder;
use super::package::CheckedPackage;
use super::tarball::PackageTarball;
use super::{Content, Package, PayloadEntry};
use crate::system::epoch::Epoch;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;

/// How many bytes are read or written at a time.
const BUFFER: usize = 128 * 1024;
/// The largest size of a member, in bytes: the field in the ar header has ten decimal digits.
const LARGEST_MEMBER: u64 = 9_999_999_999;

/// What is known of a package that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The digest of the whole .deb.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// The value of the control field `Installed-Size`, in KiB.
    pub installed_size: u64,
}

/// Why a package was not written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WriteError {
    /// A source file cannot be read, or changed while it was read.
    #[error("cannot read {file}: {source}")]
    #[diagnostic(help("make sure that nothing else writes to it, and build again"))]
    Source {
        /// The file on this machine.
        file: String,
        #[source]
        source: io::Error,
    },
    /// The folder for temporary files is not there, or is not writable.
    #[error("cannot make a temporary file in {folder}: {source}")]
    #[diagnostic(help(
        "the variable TMPDIR names that folder: set it to one in which you can make files, or unset it"
    ))]
    Temporary {
        folder: String,
        #[source]
        source: io::Error,
    },
    /// The temporary file or the output cannot be written, or the user interrupted.
    #[error("cannot write the package: {0}")]
    #[diagnostic(help(
        "check that the output's disk and the folder for temporary files (TMPDIR, else /tmp) have room, and that no limit (`ulimit -f`) forbids a file of that size"
    ))]
    Output(#[from] io::Error),
    /// A member is larger than the format allows.
    #[error("{member} would have {size} bytes: a .deb can hold {LARGEST_MEMBER} at most")]
    #[diagnostic(help("take a stronger compression, or split the package"))]
    TooLarge {
        member: String,
        /// Its size in bytes.
        size: u64,
    },
}

/// Writes a package to `out`.
///
/// The same package gives the same bytes, whatever the machine, its time zone, umask or number of processors.
///
/// # Errors
/// When a source file cannot be read or is not as it was checked, or something cannot be written.
pub fn write(checked: CheckedPackage<'_>, out: impl Write) -> Result<Written, WriteError> {
    let CheckedPackage { package, installed_size, tar_length } = checked;
    let (data, md5sums) = write_data(package, tar_length)?;
    let control = write_control(package, installed_size, md5sums)?;
    let suffix = package.compression.suffix();
    let mut archive = ar::Builder::new(HashingWriter::new(out));
    let binary = b"2.0\n";
    archive.append(&header("debian-binary", binary.len() as u64, package.epoch), &binary[..])?;
    for (name, mut file) in [("control.tar", control), ("data.tar", data)] {
        let (member, size) = (format!("{name}{suffix}"), file.seek(SeekFrom::End(0))?);
        if size > LARGEST_MEMBER {
            return Err(WriteError::TooLarge { member, size });
        }
        file.rewind()?;
        let file = BufReader::with_capacity(BUFFER, InterruptibleFile(file));
        archive.append(&header(&member, size, package.epoch), file)?;
    }
    let (mut out, sha256, size) = archive.into_inner()?.finish();
    out.flush()?;
    Ok(Written { sha256, size, installed_size })
}

/// A member's header as dpkg-deb writes it: a regular file that root owns, of mode 0644.
fn header(name: &str, size: u64, epoch: Epoch) -> ar::Header {
    let mut header = ar::Header::new(name.as_bytes().to_vec(), size);
    header.set_mode(0o100_644);
    header.set_mtime(u64::from(epoch.seconds()));
    header
}

/// Writes `data.tar`. Returns the temporary file, and the content of the control file `md5sums`.
fn write_data(package: &Package, length: u64) -> Result<(File, String), WriteError> {
    let encoder = Encoder::new(package.compression, temporary()?, length)?;
    let mut tarball = PackageTarball::new(encoder, package.epoch);
    tarball.add_folder("/", 0o755)?;
    let mut md5sums = String::new();
    let entries = package.payload.entries();
    for (path, entry) in &entries {
        interrupt::check()?;
        match entry {
            PayloadEntry::Folder { mode } => tarball.add_folder(path, *mode)?,
            PayloadEntry::File { content, mode } => {
                let digest = add_payload_file(&mut tarball, path, content, *mode)?;
                if !package.conffiles.iter().any(|conffile| conffile == path) {
                    md5sums.push_str(&format!("{digest:x}  {}\n", path.trim_start_matches('/')));
                }
            }
            PayloadEntry::Symlink { .. } => {}
        }
    }
    // Links come last, as in dpkg-deb: when a link is unpacked, its target is already there.
    for (path, entry) in &entries {
        if let PayloadEntry::Symlink { target } = entry {
            tarball.add_symlink(path, target)?;
        }
    }
    Ok((into_file(tarball.finish()?.finish()?)?, md5sums))
}

fn temporary() -> Result<BufWriter<File>, WriteError> {
    let folder = env::temp_dir();
    let file = tempfile::tempfile_in(&folder)
        .map_err(|source| WriteError::Temporary { folder: folder.display().to_string(), source })?;
    Ok(BufWriter::with_capacity(BUFFER, file))
}

fn into_file(writer: BufWriter<File>) -> Result<File, WriteError> {
    Ok(writer.into_inner().map_err(IntoInnerError::into_error)?)
}

/// Adds a file and returns the MD5 of its content.
fn add_payload_file(
    tarball: &mut PackageTarball<impl Write>,
    path: &str,
    content: &Content,
    mode: u32,
) -> Result<md5::Digest, WriteError> {
    let mut hash = md5::Context::new();
    match content {
        Content::Bytes(bytes) => {
            tarball.add_file(path, mode, bytes.len() as u64, bytes.as_slice())?;
            hash.consume(bytes);
        }
        Content::File(file) => {
            let open = File::open(file).map_err(|error| source_error(file, error))?;
            let size = open.metadata().map_err(|error| source_error(file, error))?.len();
            let mut exact = Exact { file: open, left: size, hash: &mut hash, failed: false };
            tarball
                .add_file(path, mode, size, BufReader::with_capacity(BUFFER, &mut exact))
                .map_err(|error| if exact.failed { source_error(file, error) } else { error.into() })?;
        }
    }
    Ok(hash.finalize())
}

/// Writes `control.tar` into a temporary file.
fn write_control(package: &Package, installed_size: u64, md5sums: String) -> Result<File, WriteError> {
    let stanza = package.control.stanza(installed_size).to_string();
    let conffiles: String = package.conffiles.iter().map(|path| format!("{path}\n")).collect();
    let texts = [("conffiles", conffiles.as_str()), ("control", &stanza), ("md5sums", &md5sums)];
    let triggers = package.triggers.as_deref().unwrap_or_default();
    let files = (texts.into_iter().map(|(name, text)| (name, text, 0o644)))
        .chain(package.scripts.by_name().map(|(name, text)| (name, text, 0o755)))
        .chain([("triggers", triggers, 0o644)])
        .filter(|(_, text, _)| !text.is_empty());
    let mut tarball = PackageTarball::new(Encoder::new(package.compression, temporary()?, 0)?, package.epoch);
    tarball.add_folder("/", 0o755)?;
    for (name, text, mode) in files {
        tarball.add_file(&format!("/{name}"), mode, text.len() as u64, text.as_bytes())?;
    }
    into_file(tarball.finish()?.finish()?)
}

/// Reads a file and hashes it. Fails if the file changes its size meanwhile.
struct Exact<'a> {
    file: File,
    left: u64,
    hash: &'a mut md5::Context,
    /// Whether it was here that reading failed, and not in the output.
    failed: bool,
}

impl Exact<'_> {
    fn read_or_fail(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        let count = self.file.read(buffer)?;
        let grown = count as u64 > self.left;
        if grown || (count == 0 && self.left > 0) {
            return Err(io::Error::other("its size changed while it was read"));
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.read_or_fail(buffer);
        match &result {
            Ok(count) => self.hash.consume(buffer.get(..*count).unwrap_or_default()),
            Err(error) => self.failed = error.kind() != io::ErrorKind::Interrupted,
        }
        result
    }
}

/// A file whose reads fail once the user interrupts.
struct InterruptibleFile(File);

impl Read for InterruptibleFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        self.0.read(buffer)
    }
}

fn source_error(file: &Path, source: io::Error) -> WriteError {
    WriteError::Source { file: file.display().to_string(), source }
}
