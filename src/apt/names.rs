//! The names and versions of a suite's packages, kept in the cache by the last build of an image, so that `stackdeb check`
//! knows them without a network. Until there was such a build, this machine's own apt is asked.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::suite::Suite;
use super::universe::Universe;
use crate::control::{PackageName, Stanzas, Version};
use crate::system::cache::Cache;
use crate::system::output::{self, OutputError};

/// Writes the names and versions of all packages of a universe, for [`find`].
///
/// # Errors
/// When the cache cannot be written.
pub fn keep(universe: &Universe, suite: &Suite, cache: &Cache) -> Result<(), OutputError> {
    let line = |record: &super::Record| format!("{} {}\n", record.name, record.version);
    let text: String = universe.records().iter().map(line).collect();
    output::write_file(&cache.names().join(suite.name), text.as_bytes())
}

/// Finds the versions of packages. What cannot be found, for whatever reason, is left out.
pub fn find(wanted: &[PackageName], suite: &str, cache: Option<&Cache>) -> BTreeMap<PackageName, Version> {
    let kept = cache.and_then(|cache| fs::read_to_string(cache.names().join(suite)).ok());
    let Some(text) = kept else { return of_this_machine(wanted) };
    let pair = |line: &str| {
        let (name, version) = line.split_once(' ')?;
        let name = wanted.iter().find(|wanted| wanted.as_str() == name)?;
        Some((name.clone(), version.parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// Asks this machine's apt. A package that was installed from a file and is in no archive does not count.
fn of_this_machine(wanted: &[PackageName]) -> BTreeMap<PackageName, Version> {
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions", "--"]).args(wanted.iter().map(PackageName::as_str));
    let Ok(output) = command.env("LC_ALL", "C.UTF-8").output() else { return BTreeMap::new() };
    let stanzas = Stanzas::new(output.stdout.as_slice()).map_while(Result::ok);
    let known = stanzas.filter(|stanza| stanza.get("Filename").is_some());
    let pair = |stanza: crate::control::Stanza| {
        Some((stanza.get("Package")?.parse().ok()?, stanza.get("Version")?.parse().ok()?))
    };
    known.filter_map(pair).collect()
}
