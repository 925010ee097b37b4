//! The index of the files of all packages (`Contents-amd64.gz`): names of libraries → the packages that have them. It is only
//! read when the name of a package does not follow from the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::archive::{ArchiveError, Releases};
use super::fetch::{Download, FetchError, MirrorClient};
use super::index::IndexError;
use crate::system::cache::Cache;
use crate::system::interrupt;

/// The folders in which the loader looks for libraries.
const FOLDERS: [&str; 6] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib", "usr/lib64", "lib64"];
/// How much is read from the file at a time, in bytes.
const BUFFER: usize = 256 * 1024;
/// The longest index, decompressed, in bytes. Debian's has 170 MB.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;
/// The longest index as it is downloaded, in bytes. Debian's has 13 MB.
const LONGEST_DOWNLOAD: u64 = 256 * 1024 * 1024;

impl Releases {
    /// Finds the packages that have libraries, with the indices that the mirror has. What is wrong with another index is said as
    /// well: some mirrors have it from another time than the rest.
    pub fn packages_with(&self, libraries: &BTreeSet<&str>, cache: &Cache, client: &MirrorClient) -> FoundLibraries {
        let mut found = FoundLibraries::default();
        for download in self.contents(cache) {
            match read_one(&download, libraries, client, &mut found.packages) {
                Ok(()) | Err(ArchiveError::Fetch(FetchError::NotFound { .. })) => {}
                Err(error) => found.trouble = Some(error),
            }
        }
        found
    }
}

/// What the indices of files say.
#[derive(Debug, Default)]
pub struct FoundLibraries {
    /// The names of packages, by the file name of the library: `libpq.so.5`.
    pub packages: BTreeMap<String, BTreeSet<String>>,
    /// Why an index was not read.
    pub trouble: Option<ArchiveError>,
}

fn read_one(
    download: &Download,
    libraries: &BTreeSet<&str>,
    client: &MirrorClient,
    found: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<(), ArchiveError> {
    let url = || download.address().to_owned();
    if download.file.size > LONGEST_DOWNLOAD {
        let what = format!("has {} MiB: more than {} are not read", download.file.size >> 20, LONGEST_DOWNLOAD >> 20);
        return Err(IndexError::TooLarge { url: url(), what }.into());
    }
    client.save_all("downloading the index of files", std::slice::from_ref(download))?;
    let _reading = client.reporter().spinner("looking for libraries in the index of files");
    read(&download.path, libraries, found).map_err(|source| IndexError::Read { url: url(), source }.into())
}

fn read(path: &Path, wanted: &BTreeSet<&str>, found: &mut BTreeMap<String, BTreeSet<String>>) -> io::Result<()> {
    let file = BufReader::with_capacity(BUFFER, File::open(path)?);
    let mut lines = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file).take(LONGEST));
    let mut line = Vec::new();
    let mut count = 0_u32;
    while lines.read_until(b'\n', &mut line)? != 0 {
        if count.is_multiple_of(100_000) {
            interrupt::check()?;
        }
        count = count.wrapping_add(1);
        if line.starts_with(b"usr/lib") || line.starts_with(b"lib") {
            look_at(&String::from_utf8_lossy(&line), wanted, found);
        }
        line.clear();
    }
    Ok(())
}

/// `PATH   SECTION/PACKAGE,SECTION/PACKAGE`
fn look_at(line: &str, wanted: &BTreeSet<&str>, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let Some((path, packages)) = line.trim_end().rsplit_once(char::is_whitespace) else { return };
    let Some((folder, name)) = path.trim_end().rsplit_once('/') else { return };
    if !FOLDERS.contains(&folder) || !wanted.contains(name) {
        return;
    }
    let names = packages.split(',').map(|package| package.rsplit('/').next().unwrap_or(package).to_owned());
    found.entry(name.to_owned()).or_default().extend(names);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_packages_of_a_file() {
        let mut found = BTreeMap::new();
        let wanted = BTreeSet::from(["libodd.so.3"]);
        for line in [
            "lib/x86_64-linux-gnu/libodd.so.3                  libs/odd,universe/libs/odd-other\n",
            "usr/lib/x86_64-linux-gnu/odd/libodd.so.3          libs/private\n",
            "usr/lib/x86_64-linux-gnu/libodd.so.3.1            libs/longer\n",
            "usr/lib/libodd.so.3 libs/old\n",
            "FILE LOCATION\n",
            "usr/lib\n",
        ] {
            look_at(line, &wanted, &mut found);
        }
        let expected = BTreeSet::from(["odd", "odd-other", "old"].map(str::to_owned));
        assert_eq!(found, BTreeMap::from([("libodd.so.3".to_owned(), expected)]));
    }
}
