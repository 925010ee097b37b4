//! The manifest of an image: a JSON file beside it that lists every package and Python library with version and digest,
//! and the sizes and digests of the image. It says nothing about where or when the image was built: the same input
//! gives the same manifest, from any mirror.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::gzip::Compressed;
use crate::control::{PackageName, Version};
use crate::stack::HTTPS_PORT;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::output::{OutputError, write_file};

/// The version of the manifest's format. It increases with every change that a reader must know.
const SCHEMA: u32 = 1;

/// The manifest of an image.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    schema: u32,
    stackdeb: &'static str,
    name: String,
    version: String,
    /// Not in the file of a stack without a variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    suite: String,
    source_date_epoch: u32,
    releases: Vec<UsedRelease>,
    file_system: FileSystemInfo,
    raw: Size,
    compressed: Size,
    /// The stacks in it, the first one first.
    stacks: Vec<InstalledStack>,
    packages: Vec<InstalledPackage>,
    libraries: Vec<PackedLibrary>,
}

/// A stack in the image, and where its site is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledStack {
    pub name: String,
    pub version: String,
    /// The TCP port of its site.
    pub port: u16,
    /// Whether it answers over HTTPS as well.
    pub https: bool,
    /// A name by which it answers; `None` if it answers to every name.
    pub host: Option<String>,
    /// The page that answers 200 when the app is well.
    pub health_path: String,
}

impl InstalledStack {
    /// The TCP ports that nginx listens on for its site.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.port).chain(self.https.then_some(HTTPS_PORT))
    }
}

/// A Release file that the packages come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsedRelease {
    /// Its folder under `dists/`: `trixie-security`.
    pub suite: String,
    /// Its `Date` field, as it stands there.
    pub date: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InstalledPackage {
    pub name: PackageName,
    /// Its version, as in its control data.
    pub version: String,
    /// Its architecture: `amd64` or `all`.
    pub architecture: String,
    /// The digest of its `.deb`.
    pub sha256: Sha256,
}

/// A Python library that the stack's package brings along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackedLibrary {
    pub name: String,
    pub version: String,
    /// The digest of its wheel.
    pub sha256: Sha256,
}

#[derive(Debug, Clone, Serialize)]
struct FileSystemInfo {
    kind: &'static str,
    uuid: String,
}

#[derive(Debug, Clone, Serialize)]
struct Size {
    bytes: u64,
    sha256: Sha256,
}

impl Manifest {
    /// The manifest of the image of `name`, a root file system with that `uuid`. The order of
    /// the lists does not matter.
    #[expect(clippy::too_many_arguments, reason = "each is a field of the file, named where it is passed")]
    pub fn new(
        name: &str,
        version: &Version,
        variant: Option<&str>,
        suite: &str,
        epoch: Epoch,
        uuid: &str,
        image: &Compressed,
        stacks: Vec<InstalledStack>,
        mut releases: Vec<UsedRelease>,
        mut packages: Vec<InstalledPackage>,
        mut libraries: Vec<PackedLibrary>,
    ) -> Self {
        releases.sort();
        packages.sort();
        libraries.sort();
        Self {
            schema: SCHEMA,
            stackdeb: env!("CARGO_PKG_VERSION"),
            name: name.to_owned(),
            version: version.to_string(),
            variant: variant.map(str::to_owned),
            suite: suite.to_owned(),
            source_date_epoch: epoch.seconds(),
            releases,
            file_system: FileSystemInfo { kind: "ext4", uuid: uuid.to_owned() },
            raw: Size { bytes: image.raw_bytes, sha256: image.raw_sha256 },
            compressed: Size { bytes: image.compressed_bytes, sha256: image.compressed_sha256 },
            stacks,
            packages,
            libraries,
        }
    }

    /// The stacks that the manifest beside an image lists; none when there is no such file, or it says nothing of them.
    pub fn stacks_beside(image: &Path) -> Vec<InstalledStack> {
        #[derive(Deserialize)]
        struct Listed {
            stacks: Vec<InstalledStack>,
        }
        read_beside(image).map(|listed: Listed| listed.stacks).unwrap_or_default()
    }

    /// The digest of the compressed image that the manifest beside an image is of; none when there is no such file.
    pub fn digest_beside(image: &Path) -> Option<Sha256> {
        #[derive(Deserialize)]
        struct Listed {
            compressed: OfFile,
        }
        #[derive(Deserialize)]
        struct OfFile {
            sha256: String,
        }
        read_beside(image).and_then(|listed: Listed| listed.compressed.sha256.parse().ok())
    }

    /// The stacks beside that of the package `name` that the manifest beside an image lists.
    pub fn further_stacks_beside(image: &Path, name: &PackageName) -> Vec<InstalledStack> {
        let mut stacks = Self::stacks_beside(image);
        stacks.retain(|stack| stack.name != name.as_str());
        stacks
    }

    /// Writes the manifest to `path` as indented JSON, with a line break at the end.
    ///
    /// # Errors
    /// When it cannot be written. An existing file then stays as it was.
    pub fn write(&self, path: &Path) -> Result<(), OutputError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| OutputError { path: path.display().to_string(), source: error.into() })?;
        write_file(path, &[text.as_slice(), b"\n"].concat())
    }
}

fn read_beside<T: DeserializeOwned>(image: &Path) -> Option<T> {
    let stem = image.to_string_lossy();
    let stem = stem.strip_suffix(".img.gz").or_else(|| stem.strip_suffix(".img"))?;
    let text = fs::read(format!("{stem}.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> InstalledPackage {
        InstalledPackage {
            name: name.parse().unwrap(),
            version: "1:2.0-1".into(),
            architecture: "amd64".into(),
            sha256: Sha256::of(name.as_bytes()),
        }
    }

    fn stacks() -> Vec<InstalledStack> {
        let one = |name: &str, port, host: Option<&str>| InstalledStack {
            name: name.into(),
            version: "1.0.0".into(),
            port,
            https: false,
            host: host.map(str::to_owned),
            health_path: "/healthz".into(),
        };
        vec![one("shop", 80, None), one("till", 8080, Some("till.example.org"))]
    }

    fn manifest(packages: Vec<InstalledPackage>) -> serde_json::Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.json");
        let digest = Sha256::of(b"abc");
        let image =
            Compressed { raw_bytes: 10, raw_sha256: digest, compressed_bytes: 5, compressed_sha256: Sha256::of(b"") };
        let release = UsedRelease { suite: "trixie".into(), date: "Sat, 14 Nov 2026 10:00:00 UTC".into() };
        let epoch = Epoch::from_seconds(1_795_428_000).unwrap();
        let version = "1.0.0".parse().unwrap();
        Manifest::new(
            "shop",
            &version,
            None,
            "trixie",
            epoch,
            "uuid",
            &image,
            stacks(),
            vec![release],
            packages,
            Vec::new(),
        )
        .write(&path)
        .unwrap();
        for name in ["image.img", "image.img.gz"] {
            assert_eq!(Manifest::stacks_beside(&path.with_file_name(name)), stacks());
        }
        assert_eq!(Manifest::stacks_beside(&path.with_file_name("other.img")), []);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn the_order_of_the_packages_does_not_matter() {
        let value = manifest(vec![package("zlib1g"), package("bash")]);
        assert_eq!(value, manifest(vec![package("bash"), package("zlib1g")]));
        assert_eq!(value["schema"], 1);
        assert_eq!(value["packages"][0]["name"], "bash");
        // FIPS 180-4's example: the message "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(value["raw"]["sha256"], abc);
        assert_eq!(value["compressed"]["bytes"], 5);
    }
}
