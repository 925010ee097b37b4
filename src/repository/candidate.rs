//! A package that is to be added: a `.deb` file → its entry for the index, after it was read to its end and checked.

use std::io;
use std::path::{Path, PathBuf};

use super::error::RepositoryError;
use crate::control::{PackageName, Stanza, Version};
use crate::deb::Reader;
use crate::system::hash::Sha256;

/// Fields that a repository writes itself. If a package has one of them in its control data, apt would believe it.
const OF_THE_INDEX: [&str; 7] = ["Filename", "Size", "SHA256", "SHA512", "SHA1", "MD5sum", "Description-md5"];

/// A package that was read whole and may be added. Nothing is written yet.
#[derive(Debug)]
pub(super) struct Candidate {
    pub path: PathBuf,
    pub name: PackageName,
    pub version: Version,
    /// The stanza of the index.
    pub entry: Stanza,
    /// Where it will be, below the repository's folder.
    pub filename: String,
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
}

impl Candidate {
    /// Reads the whole package, so that damage is found before anybody downloads it.
    ///
    /// # Errors
    /// When it is no package that dpkg on amd64 would install.
    pub fn read(path: &Path) -> Result<Self, RepositoryError> {
        let shown = || path.display().to_string();
        let reader = Reader::open(path)?;
        let control = reader.control()?;
        let field = |field: &'static str| {
            let missing = || RepositoryError::Field { path: shown(), field, why: "it is missing".to_owned() };
            control.get(field).ok_or_else(missing)
        };
        let wrong = |field, why: String| RepositoryError::Field { path: shown(), field, why };
        let name: PackageName = field("Package")?
            .parse()
            .map_err(|error: crate::control::NameError| wrong("Package", error.to_string()))?;
        let version: Version = field("Version")?
            .parse()
            .map_err(|error: crate::control::VersionError| wrong("Version", error.to_string()))?;
        let architecture = field("Architecture")?;
        if !["amd64", "all"].contains(&architecture) {
            let architecture = architecture.escape_debug().to_string();
            return Err(RepositoryError::Architecture { path: shown(), architecture });
        }
        let failed = |source| RepositoryError::Io { path: shown(), source };
        let data = reader.data()?;
        io::copy(&mut data.into_inner(), &mut InterruptibleSink).map_err(failed)?;
        let (sha256, size) = Sha256::of_file(path).map_err(failed)?;
        let filename = filename(&name, &version, architecture);
        let mut entry = Stanza::default();
        for (field, value) in control.fields() {
            if !OF_THE_INDEX.iter().any(|own| own.eq_ignore_ascii_case(field)) {
                entry.set(field, value);
            }
        }
        entry.set("Filename", &filename);
        entry.set("Size", size.to_string());
        entry.set("SHA256", sha256.to_string());
        Ok(Self { path: path.to_owned(), name, version, entry, filename, sha256, size })
    }
}

/// The path in the pool: as in Debian's archive, a file's name has no epoch. So that 1:2.0 and 2.0 are two files, a version
/// with an epoch is in a folder named after it.
fn filename(name: &PackageName, version: &Version, architecture: &str) -> String {
    let prefix: String = name.as_str().chars().take(if name.as_str().starts_with("lib") { 4 } else { 1 }).collect();
    let epoch = version.as_str().split_once(':').map_or(String::new(), |(epoch, _)| format!("epoch-{epoch}/"));
    format!("pool/main/{prefix}/{name}/{epoch}{name}_{}_{architecture}.deb", version.without_epoch())
}

/// Takes everything, until the user interrupts.
struct InterruptibleSink;

impl io::Write for InterruptibleSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        crate::system::interrupt::check()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_as_debians() {
        // Debian's own archive has these, the last two without the folder of the epoch.
        for (name, version, path) in [
            ("nginx", "1.26.3-3", "n/nginx/nginx_1.26.3-3_amd64.deb"),
            ("libc6", "2.41-12", "libc/libc6/libc6_2.41-12_amd64.deb"),
            ("git", "1:2.47.3-0", "g/git/epoch-1/git_2.47.3-0_amd64.deb"),
        ] {
            let made = filename(&name.parse().unwrap(), &version.parse().unwrap(), "amd64");
            assert_eq!(made, format!("pool/main/{path}"));
        }
    }
}
