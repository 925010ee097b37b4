//! An archive: the addresses of a suite → its verified Release files ([`Releases`]), and the packages that their indices list
//! ([`Archive`]).

use std::sync::Arc;
use std::thread;

use super::fetch::{Download, FetchError, MirrorClient};
use super::index::{self, IndexError};
use super::keyring::Keyring;
use super::mentions;
use super::newest::{self, OlderRelease};
use super::record::{PackageIndex, Record};
use super::release::{Release, ReleaseError};
use super::sources::Sources;
use super::suite::Suite;
use super::universe::Universe;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

/// The longest Release file that is read, in bytes. Debian's have 0.2 MB.
const LONGEST_RELEASE: u64 = 16 * 1024 * 1024;

/// A suite with its updates and security updates, verified.
#[derive(Debug)]
pub struct Archive {
    pub universe: Universe,
    /// The newest date among the Release files. It is the time of what is built from the archive.
    pub date: Epoch,
    /// What an image's manifest records.
    pub releases: Vec<ReleaseInfo>,
}

/// The identity of a Release file that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    pub base: String,
    /// The name of the folder under `dists/`.
    pub suite: String,
    pub date: Epoch,
    /// The digest of the InRelease file.
    pub sha256: Sha256,
}

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ArchiveError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(#[from] IndexError),
    #[error("the archive at {0} has no packages for amd64")]
    #[diagnostic(help("name another mirror as [image] mirror in stack.toml"))]
    Empty(String),
}

/// How a Release file's date is judged.
struct Trust<'a> {
    cache: &'a Cache,
    now: Epoch,
    older: OlderRelease,
}

/// An index that is to be read.
struct UnreadIndex {
    index: Arc<PackageIndex>,
    download: Download,
    compression: index::IndexCompression,
}

/// A verified Release file. A suite has three: its own, and those of its updates and its security updates.
struct Pocket {
    base: String,
    suite: &'static str,
    release: Release,
    sha256: Sha256,
}

impl Pocket {
    fn open(
        client: &MirrorClient,
        base: &str,
        suite: &'static str,
        keyring: &Keyring,
        trust: &Trust,
    ) -> Result<Self, ArchiveError> {
        let url = format!("{base}/dists/{suite}/InRelease");
        let bytes = client.read(&url, LONGEST_RELEASE)?;
        let release = Release::verify(&bytes, &url, keyring, suite, trust.now)?;
        newest::check(trust.cache, (base, suite), release.date, &url, trust.older)?;
        Ok(Self { base: base.to_owned(), suite, release, sha256: Sha256::of(&bytes) })
    }

    /// The index of each component, with a download of it into `cache`.
    fn indices(&self, components: &[&str], cache: &Cache) -> Result<Vec<UnreadIndex>, IndexError> {
        let folder = format!("{}/dists/{}", self.base, self.suite);
        let architectures: &[&str] = if self.release.separate_all { &["amd64", "all"] } else { &["amd64"] };
        let mut found = Vec::new();
        for component in components {
            for architecture in architectures {
                let (path, file, compression) = index::find(&self.release, component, architecture)
                    .ok_or_else(|| IndexError::Missing { url: folder.clone(), component: (*component).to_owned() })?;
                index::check_length(&format!("{folder}/{path}"), file)?;
                let mut urls = vec![format!("{folder}/{path}")];
                if let (true, Some((parent, _))) = (self.release.by_hash, path.rsplit_once('/')) {
                    urls.insert(0, format!("{folder}/{parent}/by-hash/SHA256/{}", file.sha256));
                }
                let path = cache.lists().join(file.sha256.to_string());
                let (base, suite) = (self.base.clone(), self.suite.to_owned());
                let index = PackageIndex { base, suite, component: (*component).to_owned() };
                found.push(UnreadIndex {
                    index: Arc::new(index),
                    download: Download { urls, file, path },
                    compression,
                });
            }
        }
        Ok(found)
    }

    /// A download of each index of files into `cache`: Debian has one for each component, Ubuntu one for all.
    fn contents(&self, components: &[&str], cache: &Cache) -> Vec<Download> {
        let folder = format!("{}/dists/{}", self.base, self.suite);
        let of_components = components.iter().map(|component| format!("{component}/Contents-amd64.gz"));
        let paths = of_components.chain(["Contents-amd64.gz".to_owned()]);
        let download = |path: String| {
            let file = self.release.file(&path)?;
            let mut urls = vec![format!("{folder}/{path}")];
            if self.release.by_hash {
                let parent = path.rsplit_once('/').map(|(parent, _)| format!("{parent}/")).unwrap_or_default();
                urls.insert(0, format!("{folder}/{parent}by-hash/SHA256/{}", file.sha256));
            }
            Some(Download { urls, file, path: cache.lists().join(file.sha256.to_string()) })
        };
        paths.filter_map(download).collect()
    }

    fn info(&self) -> ReleaseInfo {
        let (base, suite) = (self.base.clone(), self.suite.to_owned());
        ReleaseInfo { base, suite, date: self.release.date, sha256: self.sha256 }
    }
}

/// The verified Release files of a suite, its updates and its security updates. They say what the archive has, before any
/// index of it is read.
pub struct Releases {
    suite: &'static Suite,
    main: String,
    pockets: Vec<Pocket>,
}

impl Releases {
    /// Fetches and verifies the Release files. One that has expired at the time `now` ([`Epoch::now`]) is refused, and one
    /// that is older than what `cache` remembers is as `older` says.
    ///
    /// # Errors
    /// When a file cannot be downloaded, or its signature or date is wrong.
    pub fn open(
        cache: &Cache,
        client: &MirrorClient,
        suite: &'static Suite,
        sources: &Sources,
        keyring: &Keyring,
        now: Epoch,
        older: OlderRelease,
    ) -> Result<Self, ArchiveError> {
        let trust = Trust { cache, now, older };
        let _reading = client.reporter().spinner("reading the Release files");
        let wanted = [(&sources.main, suite.name), (&sources.main, suite.updates), (&sources.security, suite.security)];
        let open = |(base, name): (&String, &'static str)| Pocket::open(client, base, name, keyring, &trust);
        let pockets = side_by_side(&wanted, |&pocket| open(pocket))?;
        Ok(Self { suite, main: sources.main.clone(), pockets })
    }

    /// The indices of files, as far as the archive has them.
    pub(super) fn contents(&self, cache: &Cache) -> impl Iterator<Item = Download> {
        self.pockets.iter().flat_map(|pocket| pocket.contents(self.suite.components, cache))
    }

    /// What an image's manifest records of them.
    pub fn infos(&self) -> Vec<ReleaseInfo> {
        self.pockets.iter().map(Pocket::info).collect()
    }

    /// The newest date among them.
    pub fn date(&self) -> Epoch {
        self.pockets.iter().map(|pocket| pocket.release.date).max().unwrap_or_default()
    }

    /// Fetches, verifies and reads the indices.
    ///
    /// # Errors
    /// When one cannot be downloaded, its hash is wrong, or it cannot be read.
    pub fn read(&self, cache: &Cache, client: &MirrorClient) -> Result<Archive, ArchiveError> {
        let universe = Universe::new(self.records(cache, client)?)?;
        Ok(Archive { universe, date: self.date(), releases: self.infos() })
    }

    /// The same, but with every version of a package that an index lists, in the order of the indices.
    ///
    /// # Errors
    /// As [`Releases::read`].
    pub fn records(&self, cache: &Cache, client: &MirrorClient) -> Result<Vec<Record>, ArchiveError> {
        let mut indices = Vec::new();
        for pocket in &self.pockets {
            indices.extend(pocket.indices(self.suite.components, cache)?);
        }
        let downloads: Vec<Download> = indices.iter().map(|index| index.download.clone()).collect();
        client.save_all("downloading package indices", &downloads)?;
        let _reading = client.reporter().spinner("reading the package indices");
        let read = |UnreadIndex { index, download, compression }: &UnreadIndex| {
            index::read(download.address(), &download.path, *compression, index).map_err(ArchiveError::from)
        };
        let records = mentions::numbered(side_by_side(&indices, read)?);
        if records.is_empty() {
            return Err(ArchiveError::Empty(self.main.clone()));
        }
        Ok(records)
    }
}

/// Runs `work` on each item in a thread of its own. Returns the results in the order of the items, or the first error.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, ArchiveError> + Sync,
) -> Result<Vec<R>, ArchiveError> {
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| work(item))).collect();
        let join = |thread: thread::ScopedJoinHandle<Result<R, ArchiveError>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}
