//! A repository as its client meets it: what is right is taken, what is wrong is refused with its own error, and nothing
//! of it is left in the cache. The repository is signed by gpg; the mirror runs in this process.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use stackdeb::apt::{
    Archive, ArchiveError, FetchError, Keyring, MirrorClient, MirrorLimits, OlderRelease, ReleaseError, Releases,
    SignatureError, Sources, Suite, pool,
};
use stackdeb::system::cache::Cache;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::progress::Reporter;
use support::mirror::{Fault, Mirror};
use support::repository::{INDEX, PACKAGE, Repository, keys};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_good_repository_gives_its_packages_and_only_once,
        a_repository_may_be_a_folder,
        a_changed_release_file_is_refused,
        text_around_the_signed_part_is_refused,
        an_unknown_key_is_named,
        a_key_that_had_expired_when_it_signed_is_refused,
        a_release_file_out_of_date_or_of_another_suite_is_refused,
        what_the_mirror_had_before_is_refused_after_something_newer,
        a_wrong_index_is_refused,
        a_wrong_package_is_refused,
        a_broken_connection_is_taken_up_where_it_was,
        a_mirror_without_ranges_is_read_from_the_start,
        a_mirror_that_never_gets_well_is_given_up,
        a_mirror_that_sends_byte_after_byte_is_given_up,
        what_is_not_there_is_said_at_once,
        a_spoiled_file_in_the_pool_is_replaced,
        several_builds_share_a_cache
    ]
}

/// A client with an empty cache and little patience.
pub struct User {
    folder: tempfile::TempDir,
    cache: Cache,
    client: MirrorClient,
    certificate: Vec<u8>,
}

impl User {
    pub fn new() -> Self {
        Self::with_stall(Duration::from_millis(300))
    }

    /// One that waits so long for the next byte.
    fn with_stall(stall: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let limits = MirrorLimits {
            connect: Duration::from_secs(2),
            stall,
            whole: Duration::from_secs(2),
            bytes_per_second: 1_000_000,
            attempts: 3,
            pause: Duration::from_millis(10),
        };
        Self {
            folder,
            cache,
            client: MirrorClient::new(limits, Reporter::Silent),
            certificate: keys().certificate("good"),
        }
    }

    pub fn open(&self, base: &str) -> Result<Archive, ArchiveError> {
        self.open_older(base, OlderRelease::Refused)
    }

    fn open_older(&self, base: &str, older: OlderRelease) -> Result<Archive, ArchiveError> {
        let keyring = Keyring::from_bytes("the test's", &self.certificate).unwrap();
        let sources = Sources { main: base.to_owned(), security: base.to_owned() };
        let suite = Suite::find("trixie").unwrap();
        Releases::open(&self.cache, &self.client, suite, &sources, &keyring, Epoch::now(), older)?
            .read(&self.cache, &self.client)
    }

    /// Downloads the repository's only package; returns its path in the cache.
    pub fn download(&self, base: &str) -> Result<PathBuf, FetchError> {
        let archive = self.open(base).unwrap();
        let record = archive.universe.candidate("aa").unwrap();
        pool::download(&self.cache, &self.client, &[record]).map(|paths| paths[0].clone())
    }

    /// The names in the cache, of finished and unfinished files.
    pub fn kept(&self, folder: &str) -> usize {
        fs::read_dir(self.folder.path().join(folder)).unwrap().count()
    }

    /// What opening a mirror of these files says of its Release files; nothing of it may be kept.
    fn refusal(&self, files: HashMap<String, Vec<u8>>) -> ReleaseError {
        let mirror = Mirror::start(files);
        let error = self.open(&mirror.address).unwrap_err();
        assert_eq!(self.kept("lists"), 0);
        match error {
            ArchiveError::Release(error) => error,
            other => panic!("{other}"),
        }
    }

    fn signature_refusal(&self, files: HashMap<String, Vec<u8>>) -> SignatureError {
        match self.refusal(files) {
            ReleaseError::Signature { source, .. } => source,
            other => panic!("{other}"),
        }
    }
}

pub fn good() -> HashMap<String, Vec<u8>> {
    Repository::default().files()
}

/// The same files with one of them changed.
fn with(path: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> HashMap<String, Vec<u8>> {
    let mut files = good();
    let changed = change(files.remove(path).unwrap());
    files.insert(path.to_owned(), changed);
    files
}

pub const IN_RELEASE: &str = "dists/trixie/InRelease";

fn a_good_repository_gives_its_packages_and_only_once() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    let path = user.download(&mirror.address).unwrap();
    assert_eq!(fs::read(&path).unwrap(), Repository::package());
    user.download(&mirror.address).unwrap();
    assert_eq!(mirror.requests(PACKAGE), [0], "the package was fetched again");
    assert_eq!(mirror.requests(INDEX), [0], "the index was fetched again");
    assert_eq!(user.open(&mirror.address).unwrap().releases.len(), 3);
}

fn a_repository_may_be_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in good() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    for scheme in ["file:", "file://"] {
        let user = User::new();
        let path = user.download(&format!("{scheme}{}", folder.path().display())).unwrap();
        assert_eq!(fs::read(path).unwrap(), Repository::package());
    }
}

fn a_changed_release_file_is_refused() {
    let files =
        with(IN_RELEASE, |bytes| String::from_utf8(bytes).unwrap().replace("Origin: Test", "Origin: Tost").into());
    let error = User::new().signature_refusal(files);
    assert!(matches!(error, SignatureError::Tampered(_)), "{error}");
}

fn text_around_the_signed_part_is_refused() {
    let extra = b"Codename: trixie\n\n";
    let before = with(IN_RELEASE, |bytes| [extra.as_slice(), &bytes].concat());
    let after = with(IN_RELEASE, |bytes| [bytes.as_slice(), extra].concat());
    let twice = with(IN_RELEASE, |bytes| [bytes.as_slice(), &bytes].concat());
    let unsigned = with(IN_RELEASE, |_| extra.to_vec());
    for files in [before, after, twice, unsigned] {
        let error = User::new().signature_refusal(files);
        assert!(matches!(error, SignatureError::NotClearSigned(_)), "{error}");
    }
}

fn an_unknown_key_is_named() {
    let error = User::new().signature_refusal(Repository { key: "other", ..Repository::default() }.files());
    assert!(matches!(&error, SignatureError::UnknownKey(keys) if keys.len() >= 16), "{error}");
}

fn a_key_that_had_expired_when_it_signed_is_refused() {
    let text = Repository::default().release("trixie", "");
    let (signed, certificate) = keys().sign_with_expired(&text);
    let files = with(IN_RELEASE, |_| signed.clone());
    let user = User { certificate: [keys().certificate("good"), certificate].concat(), ..User::new() };
    let error = user.signature_refusal(files);
    assert!(matches!(error, SignatureError::BadKey(_)), "{error}");
}

fn a_release_file_out_of_date_or_of_another_suite_is_refused() {
    let user = User::new();
    let expired = user.refusal(Repository { valid_for: -60, ..Repository::default() }.files());
    assert!(matches!(expired, ReleaseError::Expired { .. }), "{expired}");
    let future = user.refusal(Repository { dated: 7200, ..Repository::default() }.files());
    assert!(matches!(future, ReleaseError::FromTheFuture { .. }), "{future}");
    let other = user.refusal(Repository { codename: "sid", ..Repository::default() }.files());
    assert!(matches!(other, ReleaseError::OtherSuite { .. }), "{other}");
}

/// Somebody has kept what the mirror had yesterday. It is still valid.
fn what_the_mirror_had_before_is_refused_after_something_newer() {
    let of_age = |seconds: i64| Repository { dated: -seconds, ..Repository::default() }.files();
    let (user, mirror) = (User::new(), Mirror::start(of_age(3600)));
    user.open(&mirror.address).unwrap();
    mirror.replace(of_age(86_400));
    let error = user.open(&mirror.address).unwrap_err();
    assert!(matches!(&error, ArchiveError::Release(ReleaseError::Older { .. })), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("--allow-downgrade"), "{help}");
    // Another archive is another matter.
    let other = Mirror::start(of_age(86_400));
    user.open(&other.address).unwrap();
    // One pocket that is older is enough.
    let mut mixed = of_age(60);
    let security = "dists/trixie-security/InRelease";
    mixed.insert(security.to_owned(), of_age(7200).remove(security).unwrap());
    mirror.replace(mixed);
    let error = user.open(&mirror.address).unwrap_err();
    assert!(
        matches!(&error, ArchiveError::Release(ReleaseError::Older { url, .. }) if url.ends_with(security)),
        "{error}"
    );
    // The user may want it, and then it is the newest.
    mirror.replace(of_age(86_400));
    user.open_older(&mirror.address, OlderRelease::Accepted).unwrap();
    user.open(&mirror.address).unwrap();
    mirror.replace(of_age(60));
    user.open(&mirror.address).unwrap();
}

fn a_wrong_index_is_refused() {
    let flip = |mut bytes: Vec<u8>| {
        bytes[40] ^= 1;
        bytes
    };
    let (user, mirror) = (User::new(), Mirror::start(with(INDEX, flip)));
    let error = user.open(&mirror.address).unwrap_err();
    assert!(matches!(&error, ArchiveError::Fetch(FetchError::Hash { url, .. }) if url.ends_with(INDEX)), "{error}");
    assert!(user.open(&mirror.address).is_err(), "the wrong index was kept");
}

fn a_wrong_package_is_refused() {
    let flip = |mut bytes: Vec<u8>| {
        bytes[1000] ^= 1;
        bytes
    };
    let (user, mirror) = (User::new(), Mirror::start(with(PACKAGE, flip)));
    let error = user.download(&mirror.address).unwrap_err();
    assert!(matches!(&error, FetchError::Hash { expected, found, .. } if expected != found), "{error}");
    let longer = Mirror::start(with(PACKAGE, |bytes| [bytes.as_slice(), b"x"].concat()));
    let error = user.download(&longer.address).unwrap_err();
    assert!(matches!(error, FetchError::Size { expected: 300_000, found: 300_001, .. }), "{error}");
    assert_eq!(user.kept("pool"), 0);
}

fn a_broken_connection_is_taken_up_where_it_was() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    mirror.set_fault(PACKAGE, Fault::ClosesHalfWay(1));
    let path = user.download(&mirror.address).unwrap();
    assert_eq!(fs::read(path).unwrap(), Repository::package());
    let requests = mirror.requests(PACKAGE);
    assert!(requests.len() == 2 && requests[1] > 0, "{requests:?}");
}

fn a_mirror_without_ranges_is_read_from_the_start() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    mirror.set_fault(PACKAGE, Fault::ForgetsRanges);
    let path = user.download(&mirror.address).unwrap();
    assert_eq!(fs::read(path).unwrap(), Repository::package());
}

fn a_mirror_that_never_gets_well_is_given_up() {
    for fault in [Fault::ClosesHalfWay(99), Fault::Stalls, Fault::Status(503)] {
        let (user, mirror) = (User::new(), Mirror::start(good()));
        mirror.set_fault(PACKAGE, fault);
        let begun = Instant::now();
        let error = user.download(&mirror.address).unwrap_err();
        assert!(matches!(&error, FetchError::Network { attempts: 3, .. }), "{fault:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?} took {:?}", begun.elapsed());
        assert_eq!((user.kept("pool"), mirror.requests(PACKAGE).len()), (0, 3), "{fault:?}");
    }
}

/// It never stalls for long, so only the whole time ends it.
fn a_mirror_that_sends_byte_after_byte_is_given_up() {
    for path in [IN_RELEASE, INDEX, PACKAGE] {
        // On a busy machine a byte may come late.
        let (user, mirror) = (User::with_stall(Duration::from_secs(30)), Mirror::start(good()));
        mirror.set_fault(path, Fault::Drips);
        let error = match user.open(&mirror.address) {
            Ok(archive) => {
                let record = archive.universe.candidate("aa").unwrap();
                pool::download(&user.cache, &user.client, &[record]).unwrap_err()
            }
            Err(ArchiveError::Fetch(error)) => error,
            Err(other) => panic!("{other}"),
        };
        assert!(matches!(&error, FetchError::Slow { url, seconds: 2.., .. } if url.ends_with(path)), "{path}: {error}");
        assert_eq!((user.kept("pool"), mirror.requests(path).len()), (0, 1), "{path}");
    }
}

fn what_is_not_there_is_said_at_once() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    mirror.set_fault(PACKAGE, Fault::Status(404));
    let error = user.download(&mirror.address).unwrap_err();
    assert!(matches!(&error, FetchError::NotFound { url } if url.ends_with(PACKAGE)), "{error}");
    assert_eq!(mirror.requests(PACKAGE).len(), 1);
    mirror.set_fault(PACKAGE, Fault::Status(403));
    assert!(matches!(user.download(&mirror.address).unwrap_err(), FetchError::Status { .. }));
    mirror.set_fault(IN_RELEASE, Fault::Status(404));
    let error = user.open(&mirror.address).unwrap_err();
    assert!(
        matches!(&error, ArchiveError::Fetch(FetchError::NotFound { url }) if url.ends_with(IN_RELEASE)),
        "{error}"
    );
}

fn a_spoiled_file_in_the_pool_is_replaced() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    let path = user.download(&mirror.address).unwrap();
    let mut spoiled = Repository::package();
    spoiled[7] ^= 1;
    fs::write(&path, spoiled).unwrap();
    assert_eq!(fs::read(user.download(&mirror.address).unwrap()).unwrap(), Repository::package());
}

fn several_builds_share_a_cache() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    thread::scope(|scope| {
        let builds: Vec<_> = (0..4).map(|_| scope.spawn(|| user.download(&mirror.address))).collect();
        for build in builds {
            assert_eq!(fs::read(build.join().unwrap().unwrap()).unwrap(), Repository::package());
        }
    });
    assert_eq!(user.kept("pool"), 1);
}
