//! A plan → the libraries themselves: for each the best wheel, verified and unpacked, and whatever the wheels say that they
//! need. The plan must have all of it. A library without a wheel that fits is built from its source first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pep508_rs::{ExtraName, PackageName, Requirement, VerbatimUrl, VersionOrUrl};
use url::Url;

use super::choose::{Chosen, choose};
use super::index::without_credentials;
use super::libraries::{Libraries, Library, ProvidedLibrary, WheelBuild};
use super::lock::PinnedLibraries;
use super::source::{Sdist, SourceDistribution, WheelBuilder};
use super::unmet::{Failed, Unmet};
use super::wheel::Wheel;
use super::{Debian, LibraryIndex, Offer, PythonError, PythonTarget, WheelNeeds, standard};
use crate::control::Relations;
use crate::system::cache::Cache;
use crate::system::hash::Sha256;

/// Finds, downloads, verifies and unpacks the libraries of a plan. Those that `debian` provides are left out. `builder` makes the
/// wheels of those that have none.
///
/// # Errors
/// When the plan lacks something that a library needs, the index does not have a file that fits, the network fails, a
/// wheel is not what it should be, or a build fails.
pub fn gather(
    plan: &PinnedLibraries,
    debian: &Debian,
    target: &PythonTarget,
    index: &LibraryIndex,
    cache: &Cache,
    builder: &dyn WheelBuilder,
) -> miette::Result<Libraries> {
    try_gather(plan, debian, target, index, cache, builder).map_err(Failed::into_report)
}

/// The same for a plan that may lack something.
pub(super) fn try_gather(
    plan: &PinnedLibraries,
    debian: &Debian,
    target: &PythonTarget,
    index: &LibraryIndex,
    cache: &Cache,
    builder: &dyn WheelBuilder,
) -> Result<Libraries, Failed> {
    let mut walk =
        RequirementWalk { plan, debian, asked: Vec::new(), provided: BTreeMap::new(), unfit: BTreeMap::new() };
    match &plan.roots {
        None => plan.pins.iter().try_for_each(|pin| walk.ask(&pin.requirement(), None, &plan.source))?,
        Some(roots) => {
            for root in roots.iter().filter(|root| root.evaluate_markers(target.markers(), &[])) {
                walk.ask(root, None, "the project")?;
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
        for library in unpack(chosen, target, index, cache, builder)? {
            found.insert(library.name.clone(), library);
        }
        for (name, extras) in &wave {
            let Some(library) = found.get(name) else { continue };
            let extras: Vec<ExtraName> = extras.iter().cloned().collect();
            for requirement in &library.wheel.metadata.requires {
                if requirement.evaluate_markers(target.markers(), &extras) {
                    walk.ask(requirement, Some(name), &format!("{name} {}", library.version))?;
                }
            }
        }
    }
    let all: Vec<Library> = found.into_values().collect();
    let wheels: Vec<&Wheel> = all.iter().map(|library| &library.wheel).collect();
    let mut needs = WheelNeeds::of(&wheels, target)?;
    for wheel in wheels.iter().filter(|wheel| wheel.has_path_file()) {
        needs
            .warnings
            .push(format!("{}: its .pth file is not run, because there is no virtual environment", wheel.file));
    }
    for (library, module) in all.iter().flat_map(|one| one.left_out.iter().map(move |module| (one, module))) {
        needs.warnings.push(format!(
            "{}: its `{module}` is left out, because the standard library has a module of that name",
            library.wheel.file
        ));
    }
    let from_debian: Vec<ProvidedLibrary> = walk.provided.into_values().collect();
    for relation in from_debian.iter().flat_map(|one| &one.relations.0) {
        needs.depends.add(relation.clone());
    }
    let unfit = walk.unfit.into_iter().filter(|(name, _)| all.iter().any(|library| library.name == *name));
    Ok(Libraries { from_debian, unfit: unfit.collect(), needs, all })
}

/// Follows requirements: from the libraries that the project asks for to those that they need.
struct RequirementWalk<'a> {
    plan: &'a PinnedLibraries,
    debian: &'a Debian,
    /// What is to be packed and was not looked at: a library with the extras that are wanted of it.
    asked: Vec<(PackageName, BTreeSet<ExtraName>)>,
    provided: BTreeMap<PackageName, ProvidedLibrary>,
    unfit: BTreeMap<PackageName, String>,
}

impl RequirementWalk<'_> {
    /// Takes up what the library `by` needs, from Debian or from the plan. Messages call it `shown`.
    fn ask(
        &mut self,
        requirement: &Requirement<VerbatimUrl>,
        by: Option<&PackageName>,
        shown: &str,
    ) -> Result<(), Unmet> {
        let name = &requirement.name;
        if !self.unfit.contains_key(name) {
            match self.debian.offer(requirement) {
                Offer::NotWanted => {}
                Offer::Fits { package, relations } => {
                    let new = ProvidedLibrary {
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
                    // Libraries that could use Debian's package now use the packed one as well.
                    if self.provided.remove(name).is_some() {
                        self.asked.push((name.clone(), BTreeSet::new()));
                    }
                }
            }
        }
        let unmet = |error| Unmet { by: by.cloned(), name: name.clone(), error: Box::new(error) };
        accept(self.plan, requirement, shown).map_err(unmet)?;
        self.asked.push((name.clone(), requirement.extras.iter().cloned().collect()));
        Ok(())
    }
}

/// Checks that the plan has what `by` needs.
fn accept(plan: &PinnedLibraries, requirement: &Requirement<VerbatimUrl>, by: &str) -> Result<(), PythonError> {
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

/// Downloads and unpacks what was chosen.
fn unpack(
    chosen: Vec<Chosen<'_>>,
    target: &PythonTarget,
    index: &LibraryIndex,
    cache: &Cache,
    builder: &dyn WheelBuilder,
) -> miette::Result<Vec<Library>> {
    let wanted: Vec<(Url, Sha256)> = chosen.iter().map(|one| (one.url.clone(), one.sha256)).collect();
    let paths: Vec<PathBuf> = index.download(&wanted)?;
    let mut libraries = Vec::new();
    for (one, path) in chosen.into_iter().zip(paths) {
        let (name, version) = (one.pin.name.clone(), one.pin.version.to_string());
        let (mut wheel, built) = match one.tools {
            None => (Wheel::open(&path, &one.file, &cache.wheels().join(one.sha256.to_string()))?, None),
            Some(tools) => {
                let sdist = Sdist::open(&path, &one.file)?;
                let tools = tools.iter().map(|tool| choose(tool, target, index)).collect::<Result<_, _>>()?;
                let tools = unpack(tools, target, index, cache, builder)?;
                let source = SourceDistribution {
                    pin: one.pin,
                    file: &one.file,
                    path: &path,
                    sha256: one.sha256,
                    sdist: &sdist,
                };
                let made = builder.wheel(&source, &tools, target)?;
                let wheel = Wheel::open(&made.path, &made.file, &cache.wheels().join(made.sha256.to_string()))?;
                (wheel, Some(WheelBuild { file: one.file, tools }))
            }
        };
        if let Some(needed) = &wheel.metadata.requires_python
            && !needed.contains(&target.full)
        {
            let error = PythonError::OtherPython {
                place: one.pin.place.clone(),
                library: format!("{name} {version}"),
                needed: needed.to_string(),
                has: format!("{} has {}", target.title, target.full),
            };
            return Err(error.into());
        }
        let left_out = wheel.leave_out(|module| standard::has(module, target.minor));
        let url = without_credentials(&one.url).to_string();
        let is_direct = one.pin.files.iter().any(|file| file.is_direct);
        libraries.push(Library { name, version, sha256: one.sha256, url, is_direct, wheel, built, left_out });
    }
    Ok(libraries)
}
