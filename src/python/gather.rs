//! A plan → the libraries themselves: for each the best wheel, verified and unpacked, and whatever the wheels say that they
//! need. The plan must have all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pep508_rs::{ExtraName, PackageName, Requirement, VerbatimUrl, VersionOrUrl};
use url::Url;

use super::index::without_credentials;
use super::lock::{self, Asked, Pin, Plan, address};
use super::resolve::resolve;
use super::wheel::Wheel;
use super::{Debian, Index, Needs, Offer, PythonError, Target, WheelName};
use crate::control::Relations;
use crate::system::cache::Cache;
use crate::system::hash::Sha256;

/// A library that is packed.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name as the index has it, in lower case: `flask-sqlalchemy`.
    pub name: PackageName,
    pub version: String,
    /// The digest of its wheel.
    pub sha256: Sha256,
    /// Where the wheel was found, without a password.
    pub url: String,
    /// Whether the project names that address itself.
    pub is_direct: bool,
    pub wheel: Wheel,
}

/// All libraries that are packed.
#[derive(Debug, Clone, Default)]
pub struct Libraries {
    /// In the order of their names.
    pub all: Vec<Library>,
    /// The libraries that Debian's packages provide, in the order of their names.
    pub from_debian: Vec<Provided>,
    /// The packed ones that were to come from Debian, each with the reason why they do not.
    pub unfit: Vec<(PackageName, String)>,
    /// What they need of the server.
    pub needs: Needs,
}

impl Libraries {
    /// Whether a library of that name is among them, packed or from Debian.
    pub fn provide(&self, name: &str) -> bool {
        self.has(name) || self.from_debian.iter().any(|one| one.name.as_ref() == name)
    }

    /// Whether a library of that name is packed.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|library| library.name.as_ref() == name)
    }
}

/// A library that a package of Debian provides.
#[derive(Debug, Clone)]
pub struct Provided {
    pub name: PackageName,
    /// What is required of it: `flask>=3`.
    pub requirement: String,
    /// The package, and its version in the suite.
    pub package: String,
    /// The relations that the requirement becomes.
    pub relations: Relations,
}

/// A wheel that was chosen.
struct Chosen<'a> {
    pin: &'a Pin,
    file: String,
    url: Url,
    sha256: Sha256,
}

/// Finds, downloads, verifies and unpacks the libraries of a plan. Those that `debian` provides are left out.
///
/// # Errors
/// When the plan lacks something that a library needs, the index does not have a wheel that fits, the network fails, or a
/// wheel is not what it should be.
pub fn gather(
    plan: &Plan,
    debian: &Debian,
    target: &Target,
    index: &Index,
    cache: &Cache,
) -> Result<Libraries, PythonError> {
    let mut walk = Walk { plan, debian, asked: Vec::new(), provided: BTreeMap::new(), unfit: BTreeMap::new() };
    match &plan.roots {
        None => plan.pins.iter().try_for_each(|pin| walk.ask(&pin.requirement(), &plan.source))?,
        Some(roots) => {
            for root in roots.iter().filter(|root| root.evaluate_markers(target.markers(), &[])) {
                walk.ask(root, "the project")?;
            }
        }
    }
    let mut found: BTreeMap<PackageName, Library> = BTreeMap::new();
    let mut seen: BTreeSet<(PackageName, BTreeSet<ExtraName>)> = BTreeSet::new();
    while !walk.asked.is_empty() {
        let wave: BTreeSet<_> = walk.asked.drain(..).filter(|one| seen.insert(one.clone())).collect();
        let new: BTreeSet<&PackageName> =
            wave.iter().map(|(name, _)| name).filter(|name| !found.contains_key(*name)).collect();
        let pins = plan.pins.iter().filter(|pin| new.contains(&pin.name));
        let chosen: Vec<Chosen<'_>> = pins.map(|pin| choose(pin, target, index)).collect::<Result<_, _>>()?;
        for library in unpack(chosen, target, index, cache)? {
            found.insert(library.name.clone(), library);
        }
        for (name, extras) in &wave {
            let Some(library) = found.get(name) else { continue };
            let extras: Vec<ExtraName> = extras.iter().cloned().collect();
            for requirement in &library.wheel.metadata.requires {
                if requirement.evaluate_markers(target.markers(), &extras) {
                    walk.ask(requirement, &format!("{name} {}", library.version))?;
                }
            }
        }
    }
    let all: Vec<Library> = found.into_values().collect();
    let wheels: Vec<&Wheel> = all.iter().map(|library| &library.wheel).collect();
    let mut needs = Needs::of(&wheels, target)?;
    for wheel in wheels.iter().filter(|wheel| wheel.has_path_file()) {
        needs
            .warnings
            .push(format!("{}: its .pth file is not run, because there is no virtual environment", wheel.file));
    }
    let from_debian: Vec<Provided> = walk.provided.into_values().collect();
    for relation in from_debian.iter().flat_map(|one| &one.relations.0) {
        needs.depends.add(relation.clone());
    }
    let unfit = walk.unfit.into_iter().filter(|(name, _)| all.iter().any(|library| library.name == *name));
    Ok(Libraries { from_debian, unfit: unfit.collect(), needs, all })
}

/// The walk from what is asked for to what that needs.
struct Walk<'a> {
    plan: &'a Plan,
    debian: &'a Debian,
    /// What is to be packed and was not looked at: a library with the extras that are wanted of it.
    asked: Vec<(PackageName, BTreeSet<ExtraName>)>,
    provided: BTreeMap<PackageName, Provided>,
    unfit: BTreeMap<PackageName, String>,
}

impl Walk<'_> {
    /// Takes up what `by` needs, from Debian or from the plan.
    fn ask(&mut self, requirement: &Requirement<VerbatimUrl>, by: &str) -> Result<(), PythonError> {
        let name = &requirement.name;
        if !self.unfit.contains_key(name) {
            match self.debian.offer(requirement) {
                Offer::NotWanted => {}
                Offer::Fits { package, relations } => {
                    let new = Provided {
                        name: name.clone(),
                        requirement: requirement.to_string(),
                        package,
                        relations: Relations::default(),
                    };
                    let provided = self.provided.entry(name.clone()).or_insert(new);
                    relations.into_iter().for_each(|relation| provided.relations.add(relation));
                    return Ok(());
                }
                Offer::Unfit(reason) => {
                    self.unfit.insert(name.clone(), reason);
                    // What was content with Debian's package before gets the packed one as well.
                    if self.provided.remove(name).is_some() {
                        self.asked.push((name.clone(), BTreeSet::new()));
                    }
                }
            }
        }
        accept(self.plan, requirement, by)?;
        self.asked.push((name.clone(), requirement.extras.iter().cloned().collect()));
        Ok(())
    }
}

/// Has a resolver choose versions for what is asked for, and gathers them.
///
/// # Errors
/// When there is no resolver, or there are no versions that fit together; else as [`gather`].
pub fn choose_versions(asked: &Asked, target: &Target, index: &Index, cache: &Cache) -> Result<Libraries, PythonError> {
    let lines = resolve(&asked.requirements(), &asked.constraints(), target, index.address())?;
    let lines = asked.with_addresses(lines, target)?;
    let mut plan = lock::of_lines(&lines, "what the resolver chose", target)?;
    // The extras are a part of what is asked for, and no resolver names them with the versions.
    for requirement in asked.extras(target) {
        if let Some(pin) = plan.pins.iter_mut().find(|pin| pin.name == requirement.name) {
            pin.extras.extend(requirement.extras.iter().cloned());
        }
    }
    gather(&plan, &Debian::default(), target, index, cache)
}

/// Checks that the plan has what `by` needs.
fn accept(plan: &Plan, requirement: &Requirement<VerbatimUrl>, by: &str) -> Result<(), PythonError> {
    let (by, text) = (by.to_owned(), requirement.to_string());
    let Some(pin) = plan.pins.iter().find(|pin| pin.name == requirement.name) else {
        return Err(PythonError::Missing { by, requirement: text, source_file: plan.source.clone() });
    };
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) if !specifiers.contains(&pin.version) => {
            let version = pin.version.to_string();
            Err(PythonError::Unfit { by, requirement: text, place: pin.place.clone(), version })
        }
        _ => Ok(()),
    }
}

/// Chooses the best wheel of a pin: from the lock's own list of files, else from the index.
fn choose<'a>(pin: &'a Pin, target: &Target, index: &Index) -> Result<Chosen<'a>, PythonError> {
    let fits = |file: &str| {
        let name = WheelName::parse(file).filter(|name| name.version == pin.version)?;
        Some((target.rank(&name)?, std::cmp::Reverse(name.build().cloned())))
    };
    let listed = |sha256: Sha256| pin.hashes.is_empty() || pin.hashes.contains(&sha256);
    if !pin.files.is_empty() {
        let best = pin.files.iter().filter_map(|file| Some((fits(&file.name)?, file))).min_by(|a, b| a.0.cmp(&b.0));
        let Some((_, file)) = best else {
            return Err(no_wheel(pin, target, pin.files.iter().map(|file| file.name.as_str())));
        };
        let url = match file.is_direct {
            true => address::of_file(file)?,
            false => index.url_of(&pin.name, &file.name, &file.url, file.sha256)?,
        };
        return Ok(Chosen { pin, file: file.name.clone(), url, sha256: file.sha256 });
    }
    let acceptable = |file: &super::index::IndexFile| fits(&file.name).is_some() && file.sha256.is_none_or(listed);
    let files = index.files(&pin.name, |files| files.iter().any(acceptable))?;
    let (place, name, version) = (pin.place.clone(), pin.name.to_string(), pin.version.to_string());
    let Some(files) = files else { return Err(PythonError::NoProject { place, name, index: index.shown() }) };
    let best = files.iter().filter(|file| acceptable(file)).min_by_key(|file| (fits(&file.name), file.name.clone()));
    let Some(file) = best else {
        if files.iter().any(|file| fits(&file.name).is_some()) {
            return Err(PythonError::HashNotListed { place, name, version, target: target.title.clone() });
        }
        let of_version: Vec<&str> =
            files.iter().map(|file| file.name.as_str()).filter(|file| is_of(file, pin)).collect();
        if of_version.is_empty() {
            let others = newest(&files);
            return Err(PythonError::NoVersion {
                place,
                library: format!("{name} {version}"),
                index: index.shown(),
                others,
            });
        }
        return Err(no_wheel(pin, target, of_version.into_iter()));
    };
    let sha256 = file.sha256.or_else(|| pin.hashes.first().copied().filter(|_| pin.hashes.len() == 1));
    let sha256 = sha256.ok_or_else(|| PythonError::NoDigest { file: file.name.clone() })?;
    Ok(Chosen { pin, file: file.name.clone(), url: file.url.clone(), sha256 })
}

/// Whether a file of the index is of the version that is pinned.
fn is_of(file: &str, pin: &Pin) -> bool {
    version_of(file).is_some_and(|version| version == pin.version)
}

fn version_of(file: &str) -> Option<pep440_rs::Version> {
    if let Some(name) = WheelName::parse(file) {
        return Some(name.version);
    }
    let stem = [".tar.gz", ".zip", ".tar.bz2", ".tgz"].into_iter().find_map(|end| file.strip_suffix(end))?;
    stem.rsplit_once('-')?.1.parse().ok()
}

/// The newest versions of the index, as the end of a sentence.
fn newest(files: &[super::index::IndexFile]) -> String {
    let versions: BTreeSet<_> =
        files.iter().filter(|file| !file.yanked).filter_map(|file| version_of(&file.name)).collect();
    let newest: Vec<String> = versions.iter().rev().take(3).map(ToString::to_string).collect();
    if newest.is_empty() { String::new() } else { format!("; its newest versions are {}", newest.join(", ")) }
}

fn no_wheel<'a>(pin: &Pin, target: &Target, files: impl Iterator<Item = &'a str>) -> PythonError {
    let (wheels, others): (Vec<&str>, Vec<&str>) = files.partition(|file| file.ends_with(".whl"));
    let instead = match (wheels.is_empty(), others.is_empty()) {
        (true, false) => "; it has source code alone".to_owned(),
        (false, _) => {
            format!("; its wheels are for others: {}", wheels.into_iter().take(3).collect::<Vec<_>>().join(", "))
        }
        (true, true) => String::new(),
    };
    let (major, minor) = target.glibc;
    PythonError::NoWheel {
        place: pin.place.clone(),
        library: format!("{} {}", pin.name, pin.version),
        target: format!("{} (CPython 3.{}, glibc {major}.{minor})", target.title, target.minor),
        instead,
    }
}

/// Downloads and unpacks what was chosen.
fn unpack(chosen: Vec<Chosen<'_>>, target: &Target, index: &Index, cache: &Cache) -> Result<Vec<Library>, PythonError> {
    let wanted: Vec<(Url, Sha256)> = chosen.iter().map(|one| (one.url.clone(), one.sha256)).collect();
    let paths: Vec<PathBuf> = index.download(&wanted)?;
    let mut libraries = Vec::new();
    for (one, path) in chosen.into_iter().zip(paths) {
        let wheel = Wheel::open(&path, &one.file, &cache.wheels().join(one.sha256.to_string()))?;
        let (name, version) = (one.pin.name.clone(), one.pin.version.to_string());
        if let Some(needed) = &wheel.metadata.requires_python
            && !needed.contains(&target.full)
        {
            return Err(PythonError::OtherPython {
                place: one.pin.place.clone(),
                library: format!("{name} {version}"),
                needed: needed.to_string(),
                has: format!("{} has {}", target.title, target.full),
            });
        }
        let url = without_credentials(&one.url).to_string();
        let is_direct = one.pin.files.iter().any(|file| file.is_direct);
        libraries.push(Library { name, version, sha256: one.sha256, url, is_direct, wheel });
    }
    Ok(libraries)
}
