//! Tar archives as dpkg-deb writes them: raw names that begin with `./`, GNU's long names, never pax headers (dpkg refuses
//! those).

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};

use crate::system::epoch::Epoch;

/// The longest name or link target in a tar header, in bytes. A longer one gets a GNU header of its own.
const FIELD: usize = 100;

/// What an entry has beside its name and content.
#[derive(Debug, Clone, Copy)]
pub struct Properties {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// In seconds since 1970.
    pub mtime: u64,
}

/// Writes a tar archive to `W`.
pub struct Tarball<W: Write> {
    builder: Builder<W>,
}

impl<W: Write> Tarball<W> {
    pub fn new(inner: W) -> Self {
        Self { builder: Builder::new(inner) }
    }

    /// Writes the end of the archive and returns the inner writer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }

    /// Adds an entry. `name` begins with `./`, and that of a folder ends with `/`. `content` must have exactly `size` bytes.
    ///
    /// # Errors
    /// When it cannot be written, or `content` cannot be read.
    pub fn add(
        &mut self,
        kind: EntryType,
        name: &[u8],
        properties: &Properties,
        target: &[u8],
        size: u64,
        content: impl Read,
    ) -> io::Result<()> {
        self.add_long(EntryType::GNULongLink, target)?;
        self.add_long(EntryType::GNULongName, name)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(properties.mode);
        header.set_size(size);
        header.set_mtime(properties.mtime);
        fill(&mut header.as_old_mut().linkname, target);
        self.append(header, name, (properties.uid, properties.gid), content)
    }

    /// Writes a text that is too long for a header: as the content of an entry of its own, before the real one.
    fn add_long(&mut self, kind: EntryType, text: &[u8]) -> io::Result<()> {
        if text.len() <= FIELD {
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        // With the NUL at its end.
        header.set_size((text.len() as u64).saturating_add(1));
        self.append(header, b"././@LongLink", (0, 0), text.chain(&b"\0"[..]))
    }

    fn append(&mut self, mut header: Header, name: &[u8], owner: (u32, u32), content: impl Read) -> io::Result<()> {
        // Copied as bytes, because the crate's setters remove the leading `./`.
        fill(&mut header.as_old_mut().name, name);
        header.set_uid(owner.0.into());
        header.set_gid(owner.1.into());
        header.set_username(if owner.0 == 0 { "root" } else { "" })?;
        header.set_groupname(if owner.1 == 0 { "root" } else { "" })?;
        header.set_cksum();
        self.builder.append(&header, content)
    }
}

/// The archive of a package: everything is root's, and all entries have one time. Paths are absolute; the root is `/`.
pub(super) struct PackageTarball<W: Write> {
    tarball: Tarball<W>,
    epoch: Epoch,
}

impl<W: Write> PackageTarball<W> {
    /// An empty archive whose entries all have the time `epoch`.
    pub(super) fn new(inner: W, epoch: Epoch) -> Self {
        Self { tarball: Tarball::new(inner), epoch }
    }

    pub(super) fn add_folder(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let name = if path == "/" { "./".to_owned() } else { format!(".{path}/") };
        self.tarball.add(EntryType::Directory, name.as_bytes(), &self.properties(mode), b"", 0, io::empty())
    }

    pub(super) fn add_symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        let (name, properties) = (format!(".{path}"), self.properties(0o777));
        self.tarball.add(EntryType::Symlink, name.as_bytes(), &properties, target.as_bytes(), 0, io::empty())
    }

    /// Adds a regular file. `content` must have exactly `size` bytes.
    pub(super) fn add_file(&mut self, path: &str, mode: u32, size: u64, content: impl Read) -> io::Result<()> {
        let name = format!(".{path}");
        self.tarball.add(EntryType::Regular, name.as_bytes(), &self.properties(mode), b"", size, content)
    }

    /// Writes the end of the archive and returns the inner writer.
    pub(super) fn finish(self) -> io::Result<W> {
        self.tarball.finish()
    }

    fn properties(&self, mode: u32) -> Properties {
        Properties { mode, uid: 0, gid: 0, mtime: self.epoch.seconds().into() }
    }
}

/// Copies the text into a field of a header, and cuts it where the field ends.
fn fill(field: &mut [u8; FIELD], text: &[u8]) {
    field.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
}
