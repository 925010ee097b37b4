//! Moving a few libraries of a lock: which others have to move with them. What each version needs is read from the wheels
//! themselves, so the choice is the same whichever resolver has found the newest versions. A resolver that is told to prefer the
//! locked versions may leave a library where it is because another one, which it prefers too, needs the older version.

use std::collections::BTreeSet;

use pep440_rs::Version;
use pep508_rs::{PackageName, Requirement, VerbatimUrl, VersionOrUrl};

use super::lock::{Pin, PinnedLibraries, Requirements};
use super::unmet::{Failed, Unmet};
use super::{Libraries, PythonTarget};

/// The libraries of a lock, and which of them are to move.
pub struct Held {
    pub locked: Vec<Pin>,
    pub moving: BTreeSet<PackageName>,
}

impl Held {
    /// The libraries at their locked versions, except for those that move. With a library move those that its newer version
    /// needs in a newer version, and those that fit only its older version. What the project no longer asks for moves too.
    /// What moves has the versions of `newest`. `roots` is what the project asks for, except for what Debian provides.
    pub(super) fn gather(
        mut self,
        newest: PinnedLibraries,
        roots: Vec<Requirement<VerbatimUrl>>,
        asked: &Requirements,
        target: &PythonTarget,
        gather: impl Fn(&PinnedLibraries) -> Result<Libraries, Failed>,
    ) -> miette::Result<Libraries> {
        let refused = |pin: &&Pin| asked.about(&pin.name, target).iter().any(|one| !accepts(one, &pin.version));
        let refused: Vec<PackageName> = self.locked.iter().filter(refused).map(|pin| pin.name.clone()).collect();
        self.moving.extend(refused);
        let mut plan = PinnedLibraries { roots: Some(roots), ..newest.clone() };
        loop {
            plan.pins = self.mixed(&newest);
            match gather(&plan) {
                Ok(libraries) => return Ok(libraries),
                Err(Failed::Unmet(unmet)) if self.spread(&unmet, &newest) => {}
                Err(failed) => return Err(failed.into_report()),
            }
        }
    }

    /// A pin for each library of either plan. One that only the other plan has is taken from there: something may still need it.
    fn mixed(&self, newest: &PinnedLibraries) -> Vec<Pin> {
        let from_newest = |name: &PackageName| newest.pins.iter().find(|pin| pin.name == *name);
        let now = |pin: &Pin| from_newest(&pin.name).filter(|_| self.moves(&pin.name)).unwrap_or(pin).clone();
        let new = newest.pins.iter().filter(|pin| !self.is_locked(&pin.name)).cloned();
        self.locked.iter().map(now).chain(new).collect()
    }

    /// Adds what has to move as well. Whether there was something.
    fn spread(&mut self, unmet: &Unmet, newest: &PinnedLibraries) -> bool {
        let before = self.moving.len();
        let by = unmet.by.as_ref().filter(|by| self.is_locked(by) && !self.moves(by));
        let has_newer = newest.pins.iter().any(|pin| pin.name == unmet.name);
        match by {
            Some(by) => self.moving.insert(by.clone()),
            None if has_newer && self.is_locked(&unmet.name) => self.moving.insert(unmet.name.clone()),
            None => false,
        };
        if self.moving.len() == before {
            self.moving.extend(self.locked.iter().map(|pin| pin.name.clone()));
        }
        self.moving.len() > before
    }

    fn is_locked(&self, name: &PackageName) -> bool {
        self.locked.iter().any(|pin| pin.name == *name)
    }

    fn moves(&self, name: &PackageName) -> bool {
        self.moving.contains(name)
    }
}

/// Whether a requirement accepts a version. One with an address has a file of its own.
pub(super) fn accepts(requirement: &Requirement<VerbatimUrl>, version: &Version) -> bool {
    match &requirement.version_or_url {
        None => true,
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.contains(version),
        Some(VersionOrUrl::Url(_)) => false,
    }
}
