//! Moving a few packages of a lock: which others have to move with them, and the universe that is left to choose from.

use std::collections::{BTreeSet, HashMap};

use super::PackageLock;
use crate::apt::index::IndexError;
use crate::apt::record::{Field, Record};
use crate::apt::universe::Universe;
use crate::control::{Alternatives, Relation, Relations};

/// A universe in which the packages of the lock are at their locked versions, except those that `move` and what moves with
/// them: a package that the newer version of another needs newer, or that fits the older one alone.
/// `archive` are all records of the indices, and `locked` those of the lock's packages.
///
/// # Errors
/// When the field `Provides` of a record is not valid.
pub fn universe(archive: Vec<Record>, locked: &[Record], moving: BTreeSet<String>) -> Result<Universe, IndexError> {
    let newest = Universe::new(archive)?;
    let mut pins = Pins { newest, locked, moving };
    while pins.spread()? {}
    let Pins { newest, moving, .. } = pins;
    let held: HashMap<&str, &Record> = locked
        .iter()
        .map(|record| (record.name.as_str(), record))
        .filter(|(name, _)| !moving.contains(*name))
        .collect();
    let others = newest.records().iter().filter(|record| !held.contains_key(record.name.as_str())).cloned();
    Universe::new(others.chain(held.values().map(|record| (*record).clone())).collect())
}

/// The records of the lock's packages that the archive's indices have, and the names of the others. Of a package that moves,
/// any version will do.
pub fn known(lock: &PackageLock, archive: &[Record], moving: &BTreeSet<String>) -> (Vec<Record>, BTreeSet<String>) {
    let by_digest: HashMap<_, _> = archive.iter().map(|record| ((&record.name, record.sha256), record)).collect();
    let by_name: HashMap<_, _> = archive.iter().map(|record| (&record.name, record)).collect();
    let (mut found, mut unknown) = (Vec::new(), BTreeSet::new());
    for package in &lock.packages {
        let any = || by_name.get(&package.name).filter(|_| moving.contains(package.name.as_str()));
        match by_digest.get(&(&package.name, package.sha256)).or_else(any) {
            Some(record) => found.push((*record).clone()),
            None => {
                unknown.insert(package.name.to_string());
            }
        }
    }
    (found, unknown)
}

struct Pins<'a> {
    newest: Universe,
    locked: &'a [Record],
    moving: BTreeSet<String>,
}

impl Pins<'_> {
    /// Adds what has to move with those that move. Whether there was something.
    fn spread(&mut self) -> Result<bool, IndexError> {
        let now: Vec<Record> = self.locked.iter().map(|record| self.current(record).clone()).collect();
        let now = Universe::new(now)?;
        let mut more: BTreeSet<String> = BTreeSet::new();
        for record in now.records() {
            let moves = self.moves(record.name.as_str());
            for group in groups(record, &[Field::PreDepends, Field::Depends]) {
                if is_met(&now, &group) {
                    continue;
                }
                if moves {
                    more.extend(self.helpers(&group));
                } else {
                    more.insert(record.name.to_string());
                }
            }
            for relation in groups(record, &[Field::Conflicts, Field::Breaks]).into_iter().flat_map(|group| group.0) {
                for id in now.satisfying(&relation) {
                    let other = now.record(id).name.as_str();
                    if other != record.name.as_str() {
                        more.extend([other.to_owned(), record.name.to_string()]);
                    }
                }
            }
        }
        let before = self.moving.len();
        self.moving.extend(more);
        Ok(self.moving.len() > before)
    }

    /// The packages of the lock that satisfy a relation once they move.
    fn helpers(&self, group: &Alternatives) -> BTreeSet<String> {
        let all = group.0.iter().flat_map(|relation: &Relation| self.newest.satisfying(relation));
        let names = all.map(|id| self.newest.record(id).name.to_string());
        names.filter(|name| self.locked.iter().any(|record| record.name.as_str() == name)).collect()
    }

    fn current<'a>(&'a self, locked: &'a Record) -> &'a Record {
        let name = locked.name.as_str();
        self.newest.candidate(name).filter(|_| self.moves(name)).unwrap_or(locked)
    }

    fn moves(&self, name: &str) -> bool {
        self.moving.contains(name)
    }
}

fn is_met(universe: &Universe, group: &Alternatives) -> bool {
    group.0.iter().any(|relation| !universe.satisfying(relation).is_empty())
}

/// The relations in some fields. One that cannot be read is an error of the solver, which reads them again.
fn groups(record: &Record, fields: &[Field]) -> Vec<Alternatives> {
    let of_field = |field: &Field| record.relations(*field).unwrap_or_else(|_| Relations::default()).0;
    fields.iter().flat_map(of_field).collect()
}
