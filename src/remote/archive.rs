//! A save: a tar archive that the package's program `data` writes. Its first member says what it is of; its last one has the
//! sums, so an archive that was cut off has none. The dump of the database comes in pieces, each a member.

use std::io::{self, Read, Write};

use serde::Deserialize;
use serde_json::Value;

use super::RemoteError;
use super::info::DatabasePlace;
use crate::system::interrupt;

/// The format that this program reads.
const FORMAT: u32 = 1;

/// The longest text of JSON in an archive, in bytes.
const LONGEST_JSON: u64 = 64 * 1024 * 1024;

const HELP: &str = "save again with `stackdeb data save`; `tar -tf FILE` lists what is there";

/// What a save is of: its first member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    format: u32,
    pub name: String,
    pub version: String,
    /// The host name of the server.
    pub host: String,
    /// When it was saved: ISO 8601, in UTC.
    pub saved_at: String,
    /// Where the database was. If it was on another server, it is not in the save.
    #[serde(default)]
    pub database: DatabasePlace,
}

/// The sums of a save: its last member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sums {
    pub files: FileSums,
    /// What the server counts in the database, one entry for each table: `["table", NAME, ROWS, CHECKSUM]`.
    pub database: Vec<Value>,
    /// The keys in Valkey that never expire, one entry for each of its databases: `[NAME, KEYS]`.
    #[serde(default)]
    pub valkey: Vec<Value>,
}

/// The checksums of the files that the app wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileSums {
    pub files: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// What is known of a save that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveContents {
    pub header: Header,
    pub sums: Sums,
}

impl SaveContents {
    /// A phrase: `1204 rows in 3 tables, 5 lasting keys in Valkey, 12 files of 34 KB`.
    pub fn describe(&self) -> String {
        let rows: Vec<u64> = self.tables().filter_map(|row| row.get(2).and_then(Value::as_u64)).collect();
        let files = &self.sums.files;
        let total = rows.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let database = if rows.is_empty() { String::new() } else { format!("{total} rows in {} tables, ", rows.len()) };
        let keys = self.sums.valkey.iter().filter_map(|one| one.get(1).and_then(Value::as_u64));
        let keys = keys.fold(0_u64, u64::saturating_add);
        let valkey = if keys == 0 { String::new() } else { format!("{keys} lasting keys in Valkey, ") };
        format!("{database}{valkey}{} files of {} bytes", files.files, files.bytes)
    }

    fn tables(&self) -> impl Iterator<Item = &Value> {
        self.sums.database.iter().filter(|row| row.get(0).is_some_and(|kind| kind == "table"))
    }
}

/// Reads a save from `input` to its end, and copies each byte to `copy`. `what` names the save in errors.
///
/// # Errors
/// When it is not a save, was cut off or is damaged, cannot be read or copied, or the user interrupts.
pub fn read(input: impl Read, copy: impl Write, what: &str) -> Result<SaveContents, RemoteError> {
    let mut copying = Copying { input, copy, failed: None };
    let contents = read_members(&mut copying, what).and_then(|contents| {
        let mut rest = || io::copy(&mut copying, &mut io::sink()).and_then(|_| copying.copy.flush());
        rest().map(|()| contents).map_err(|error| wrong(what, &error.to_string()))
    });
    match copying.failed {
        Some(error) => Err(RemoteError::Copy(error)),
        None => contents,
    }
}

fn wrong(what: &str, reason: &str) -> RemoteError {
    RemoteError::Archive { what: what.to_owned(), reason: reason.to_owned(), help: HELP }
}

fn read_members(input: &mut impl Read, what: &str) -> Result<SaveContents, RemoteError> {
    let wrong = |reason: &str| wrong(what, reason);
    let unreadable = |error: io::Error| wrong(&error.to_string());
    let mut archive = tar::Archive::new(input);
    let (mut header, mut sums) = (None, None);
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if sums.is_some() {
            return Err(wrong("something follows its end"));
        }
        match path.as_str() {
            "stackdeb-data.json" if header.is_none() => header = Some(parse::<Header>(&mut entry).map_err(unreadable)?),
            _ if header.is_none() => return Err(wrong("it begins with something else")),
            "end.json" => sums = Some(parse::<Sums>(&mut entry).map_err(unreadable)?),
            _ => {
                if path.starts_with("app/") && entry.header().entry_type().is_file() {
                    files = files.saturating_add(1);
                    bytes = bytes.saturating_add(entry.size());
                }
                let size = entry.size();
                let read = io::copy(&mut entry, &mut io::sink()).map_err(unreadable)?;
                if read != size {
                    return Err(wrong("it was cut off"));
                }
            }
        }
    }
    let header = header.ok_or_else(|| wrong("it is empty"))?;
    if header.format != FORMAT {
        return Err(wrong("a newer stackdeb has made it"));
    }
    let sums = sums.ok_or_else(|| wrong("it was cut off"))?;
    if (files, bytes) != (sums.files.files, sums.files.bytes) {
        return Err(wrong("it has other files than it says"));
    }
    Ok(SaveContents { header, sums })
}

fn parse<T: for<'de> Deserialize<'de>>(entry: &mut impl Read) -> io::Result<T> {
    let mut text = Vec::new();
    entry.take(LONGEST_JSON).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}

/// A reader whose bytes are also written to somewhere else.
struct Copying<R, W> {
    input: R,
    copy: W,
    /// Why the copy could not be written.
    failed: Option<io::Error>,
}

impl<R: Read, W: Write> Read for Copying<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check()?;
        let count = self.input.read(buffer)?;
        if let Err(error) = self.copy.write_all(buffer.get(..count).unwrap_or_default()) {
            let same = io::Error::from(error.kind());
            self.failed = Some(error);
            return Err(same);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        builder.append_data(&mut header, path, content).unwrap();
    }

    fn save() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let header = r#"{"format":1,"name":"shop","version":"1.0","host":"till","saved_at":"2026-11-26T10:00:00Z"}"#;
        member(&mut builder, "stackdeb-data.json", header.as_bytes());
        member(&mut builder, "app/photo", &[7; 3000]);
        member(&mut builder, "database/00000001", &[8; 3000]);
        let end = r#"{"files":{"files":1,"bytes":3000,"sha256":"x"},"database":[["table","public.a",5,"7"]],
            "valkey":[["db0",3],["db1",1]]}"#;
        member(&mut builder, "end.json", end.as_bytes());
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_whole_save_is_copied_and_described() {
        let (save, mut copy) = (save(), Vec::new());
        let contents = read(save.as_slice(), &mut copy, "it").unwrap();
        assert_eq!(contents.describe(), "5 rows in 1 tables, 4 lasting keys in Valkey, 1 files of 3000 bytes");
        assert_eq!((contents.header.name.as_str(), copy), ("shop", save));
    }

    #[test]
    fn wherever_a_save_is_cut_off_it_is_refused() {
        let save = save();
        // Behind the last member come two empty blocks, which a program may leave out (tar(5)).
        let end = save.len() - 1024;
        for length in (0..end).step_by(256).chain([end - 512, end - 1]) {
            let error = read(&save[..length], io::sink(), "it").unwrap_err();
            assert!(matches!(error, RemoteError::Archive { .. }), "{length}: {error}");
        }
        assert!(read(&b"hello"[..], io::sink(), "it").is_err());
    }
}
