//! Packages of Debian 13 that no image of the tests has, as files: for containers, which reach no mirror.

use std::path::PathBuf;

use stackdeb::apt::{Keyring, MirrorClient, MirrorLimits, OlderRelease, Releases, Suite, pool, solve, sources};
use stackdeb::control::{Priority, Relations};
use stackdeb::system::cache::Cache;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::progress::Reporter;

use super::{Built, built};

/// Downloads the packages, and what they need beside the image without the stack, as `.deb` files. It needs the network.
pub fn files_of(packages: &str) -> Vec<PathBuf> {
    let suite = Suite::find("trixie").unwrap();
    let sources = sources::find(suite, None, None, std::path::Path::new("/")).unwrap();
    let keyring = Keyring::from_bytes("Debian", suite.distribution.keyring()).unwrap();
    let (cache, client) = (Cache::open().unwrap(), MirrorClient::new(MirrorLimits::default(), Reporter::Silent));
    let releases =
        Releases::open(&cache, &client, suite, &sources, &keyring, Epoch::now(), OlderRelease::Refused).unwrap();
    let archive = releases.read(&cache, &client).unwrap();
    let wanted: Relations = packages.parse().unwrap();
    let universe = &archive.universe;
    let chosen = solve(universe, &[universe.essential(), universe.of_priority(Priority::Required), wanted]).unwrap();
    let manifest = std::fs::read(built(Built::WithoutPackage).join("stack-1.0.0-linode.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let installed: Vec<&str> =
        manifest["packages"].as_array().unwrap().iter().filter_map(|package| package["name"].as_str()).collect();
    let missing: Vec<_> = chosen.into_iter().filter(|record| !installed.contains(&record.name.as_str())).collect();
    assert!(!missing.is_empty() && missing.len() < 40, "{} packages are missing", missing.len());
    pool::download(&cache, &client, &missing).unwrap()
}
