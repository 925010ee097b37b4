//! The entries of a package's tar archives, within limits: a few kilobytes of a compressed archive can say that a name
//! has gigabytes. The forms of deb(5) are read: old, ustar and GNU's with its entries for long names. As dpkg does, this
//! program refuses the records of pax.

use std::borrow::Cow;
use std::io::{self, Read};

use tar::{Archive, EntryType, Header};

/// The longest path of a file, and the longest target of a link, in bytes (`PATH_MAX` of Linux).
const LONGEST_NAME: u64 = 4096;

/// The largest number of entries of a package. The largest packages of Debian have a tenth of it.
const MOST_ENTRIES: u64 = 1_000_000;

/// The most bytes that the files of a package may have in all. It is more than the largest image that Linode takes.
const MOST_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// An entry: its header, its content, and its name and target, however long they are.
pub struct ArchiveEntry<'a, R: Read> {
    entry: tar::Entry<'a, R>,
    long_name: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
}

impl<R: Read> ArchiveEntry<'_, R> {
    pub fn header(&self) -> &Header {
        self.entry.header()
    }

    /// Relative to the root folder, such as `./usr/bin/sh`. It is not checked: it may have `..` in it.
    pub fn path(&self) -> Cow<'_, [u8]> {
        self.long_name.as_deref().map_or_else(|| self.entry.path_bytes(), Cow::Borrowed)
    }

    /// Where a link leads, not checked either; `None` for what is no link.
    pub fn target(&self) -> Option<Cow<'_, [u8]>> {
        self.long_target.as_deref().map_or_else(|| self.entry.link_name_bytes(), |target| Some(Cow::Borrowed(target)))
    }
}

impl<R: Read> Read for ArchiveEntry<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.entry.read(buffer)
    }
}

/// The entries of an archive, one after the other.
pub struct Entries<'a, R: Read> {
    raw: tar::Entries<'a, R>,
    number: u64,
    bytes: u64,
}

/// Reads the entries of an archive.
///
/// # Errors
/// When the archive was read before.
pub fn entries<R: Read>(archive: &mut Archive<R>) -> io::Result<Entries<'_, R>> {
    Ok(Entries { raw: archive.entries()?.raw(true), number: 0, bytes: 0 })
}

impl<'a, R: Read> Entries<'a, R> {
    fn next_entry(&mut self) -> io::Result<Option<ArchiveEntry<'a, R>>> {
        let (mut long_name, mut long_target) = (None, None);
        loop {
            let Some(mut entry) = self.raw.next().transpose()? else {
                return match (long_name, long_target) {
                    (None, None) => Ok(None),
                    _ => Err(refused("it ends after the name of a file")),
                };
            };
            self.count(entry.size())?;
            let long = match entry.header().entry_type() {
                EntryType::GNULongName => &mut long_name,
                EntryType::GNULongLink => &mut long_target,
                EntryType::XHeader | EntryType::XGlobalHeader => {
                    return Err(refused("it has a record of pax, which no Debian package may have"));
                }
                _ => return Ok(Some(ArchiveEntry { entry, long_name, long_target })),
            };
            if long.is_some() {
                return Err(refused("a file has two names"));
            }
            *long = Some(read_name(&mut entry)?);
        }
    }

    fn count(&mut self, size: u64) -> io::Result<()> {
        self.number = self.number.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size);
        if self.number > MOST_ENTRIES {
            return Err(refused(&format!("it has more than {MOST_ENTRIES} entries")));
        }
        if self.bytes > MOST_BYTES {
            return Err(refused(&format!("its files have more than {} GiB", MOST_BYTES >> 30)));
        }
        Ok(())
    }
}

impl<'a, R: Read> Iterator for Entries<'a, R> {
    type Item = io::Result<ArchiveEntry<'a, R>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// The content of an entry that is the next one's name, without the zero at its end.
fn read_name(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut name = Vec::new();
    entry.take(LONGEST_NAME.saturating_add(2)).read_to_end(&mut name)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    if name.len() as u64 > LONGEST_NAME {
        return Err(refused(&format!("a file's name is longer than {LONGEST_NAME} bytes")));
    }
    Ok(name)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
