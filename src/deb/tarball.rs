//! Tar archives as dpkg-deb writes them: raw names that begin with `./`, GNU's long names, never pax headers (dpkg refuses
//! those), everything owned by root.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};

use crate::system::epoch::Epoch;

/// The longest name or link target in a tar header, in bytes. A longer one gets a GNU header of its own.
const FIELD: usize = 100;

/// Writes a tar archive to `W`. Paths are absolute; the root is `/`.
pub(super) struct Tarball<W: Write> {
    builder: Builder<W>,
    epoch: Epoch,
}

impl<W: Write> Tarball<W> {
    /// An empty archive whose entries all have the time `epoch`.
    pub(super) fn new(inner: W, epoch: Epoch) -> Self {
        Self { builder: Builder::new(inner), epoch }
    }

    pub(super) fn add_folder(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let name = if path == "/" { "./".to_owned() } else { format!(".{path}/") };
        self.add(EntryType::Directory, &name, mode, 0, "", io::empty())
    }

    pub(super) fn add_symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.add(EntryType::Symlink, &format!(".{path}"), 0o777, 0, target, io::empty())
    }

    /// Adds a regular file. `content` must have exactly `size` bytes.
    pub(super) fn add_file(&mut self, path: &str, mode: u32, size: u64, content: impl Read) -> io::Result<()> {
        self.add(EntryType::Regular, &format!(".{path}"), mode, size, "", content)
    }

    /// Writes the end of the archive and returns the inner writer.
    pub(super) fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }

    fn add(
        &mut self,
        kind: EntryType,
        name: &str,
        mode: u32,
        size: u64,
        target: &str,
        content: impl Read,
    ) -> io::Result<()> {
        self.add_long(EntryType::GNULongLink, target)?;
        self.add_long(EntryType::GNULongName, name)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(u64::from(self.epoch.seconds()));
        fill(&mut header.as_old_mut().linkname, target);
        self.append(header, name, content)
    }

    /// Writes a text that is too long for a header: as the content of an entry of its own, before the real one.
    fn add_long(&mut self, kind: EntryType, text: &str) -> io::Result<()> {
        if text.len() <= FIELD {
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        // With the NUL at its end.
        header.set_size((text.len() as u64).saturating_add(1));
        self.append(header, "././@LongLink", text.as_bytes().chain(&b"\0"[..]))
    }

    fn append(&mut self, mut header: Header, name: &str, content: impl Read) -> io::Result<()> {
        // Copied as bytes, because the crate's setters remove the leading `./`.
        fill(&mut header.as_old_mut().name, name);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_cksum();
        self.builder.append(&header, content)
    }
}

/// Copies the text into a field of a header, and cuts it where the field ends.
fn fill(field: &mut [u8; FIELD], text: &str) {
    field.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
}
