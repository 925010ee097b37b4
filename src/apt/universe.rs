//! All available packages: the records of every index → the packages that have a name or satisfy a relation. Only the
//! newest version of a package counts, as for apt without pins.

use std::cmp::Reverse;
use std::path::PathBuf;

use super::index::{IndexError, MOST_PROVIDED};
use super::record::{Field, MultiArch, Record, RecordError};
use crate::control::{Alternatives, PackageName, Priority, Relation, Relations, Stanza, Version};
use crate::system::hash::Sha256;

/// All packages, found by their names and by the names that they provide.
#[derive(Debug, Default)]
pub struct Universe {
    /// Sorted by name; no name occurs twice.
    records: Vec<Record>,
    /// Sorted by name.
    provided: Vec<ProvidedName>,
}

/// The place of a package in its [`Universe`]. It is valid until a package is added there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u32);

/// A virtual package, or another name of a real one (Debian Policy 7.5).
#[derive(Debug)]
struct ProvidedName {
    name: PackageName,
    version: Option<Version>,
    by: Id,
}

impl Universe {
    /// Makes a universe of the records of all indices. If two archives have the same version of a
    /// package, the first record counts.
    ///
    /// # Errors
    /// When the field `Provides` of a record is not valid.
    pub fn new(mut records: Vec<Record>) -> Result<Self, IndexError> {
        records.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| b.version.cmp(&a.version)));
        records.dedup_by(|later, first| later.name == first.name);
        records.shrink_to_fit();
        let mut universe = Self { records, provided: Vec::new() };
        universe.index_provided()?;
        Ok(universe)
    }

    /// Adds a package from a file of this machine. It replaces a package of the same name, whatever the versions are.
    /// `stanza` is its control file; `size` is the length of the file in bytes.
    ///
    /// # Errors
    /// When the stanza does not describe a package for amd64.
    pub fn add_local(&mut self, stanza: &Stanza, path: PathBuf, sha256: Sha256, size: u64) -> Result<(), IndexError> {
        let package = || stanza.get("Package").unwrap_or_default().to_owned();
        let shown = path.display().to_string();
        let fail = |source| IndexError::Record { url: shown.clone(), package: package(), source };
        let other = || RecordError::Value {
            field: "Architecture",
            value: stanza.get("Architecture").unwrap_or_default().to_owned(),
        };
        let record = Record::from_local(stanza, path, sha256, size).map_err(fail)?.ok_or_else(|| fail(other()))?;
        let place = self.records.partition_point(|other| other.name < record.name);
        match self.records.get_mut(place) {
            Some(other) if other.name == record.name => *other = record,
            _ => self.records.insert(place, record),
        }
        self.index_provided()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All packages, sorted by name.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the package at a place.
    ///
    /// # Panics
    /// When `id` was made by a larger universe.
    #[expect(
        clippy::indexing_slicing,
        reason = "an Id is only ever made from a place in the universe that it is used with"
    )]
    pub fn record(&self, id: Id) -> &Record {
        &self.records[id.0 as usize]
    }

    /// Finds a package by its name.
    pub fn candidate(&self, name: &str) -> Option<&Record> {
        self.find(name).map(|id| self.record(id))
    }

    /// Finds the place of a package by its name.
    pub fn find(&self, name: &str) -> Option<Id> {
        self.records.binary_search_by(|record| record.name.as_str().cmp(name)).ok().map(id)
    }

    /// Returns a relation to each package with `Essential: yes`.
    pub fn essential(&self) -> Relations {
        self.select(|record| record.essential)
    }

    /// Returns a relation to each package of that priority.
    pub fn of_priority(&self, priority: Priority) -> Relations {
        self.select(|record| record.priority == priority)
    }

    /// Returns a relation to each package.
    pub fn all(&self) -> Relations {
        self.select(|_| true)
    }

    fn select(&self, wanted: impl Fn(&Record) -> bool) -> Relations {
        let chosen = self.records.iter().filter(|record| wanted(record));
        Relations(chosen.map(|record| Alternatives(vec![Relation::any_version(record.name.clone())])).collect())
    }

    /// Returns the packages that satisfy a relation, in apt's order of preference: first the package of that name, then
    /// those that provide it. Among the providers the essential ones come first, then the more important ones, then
    /// those that the indices mention last.
    /// A relation with a version is satisfied only by names that are provided with a version (Debian Policy 7.5).
    pub fn satisfying(&self, relation: &Relation) -> Vec<Id> {
        let any = match relation.qualifier.as_deref() {
            None | Some("amd64" | "all") => false,
            Some("any") => true,
            Some(_) => return Vec::new(),
        };
        let fits = |id: Id| !any || self.record(id).multi_arch == MultiArch::Allowed;
        let real = self.find(relation.name.as_str());
        let real = real.filter(|&id| relation.accepts(&self.record(id).version) && fits(id));
        let mut providers: Vec<Id> = Vec::new();
        let start = self.provided.partition_point(|provided| provided.name < relation.name);
        for provided in self.provided.iter().skip(start).take_while(|provided| provided.name == relation.name) {
            let accepted = match (&relation.version, &provided.version) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(_), Some(version)) => relation.accepts(version),
            };
            // All names that one package provides are next to each other.
            let known = real == Some(provided.by) || providers.last() == Some(&provided.by);
            if accepted && fits(provided.by) && !known {
                providers.push(provided.by);
            }
        }
        providers.sort_by_key(|&id| {
            let record = self.record(id);
            (Reverse(record.essential), record.priority, Reverse(record.mentioned), Reverse(id))
        });
        real.into_iter().chain(providers).collect()
    }

    fn index_provided(&mut self) -> Result<(), IndexError> {
        let mut provided = Vec::new();
        for (place, record) in self.records.iter().enumerate() {
            let names = record
                .relations(Field::Provides)
                .map_err(|source| IndexError::Provides { package: record.name.to_string(), source })?;
            for relation in names.0.into_iter().flat_map(|alternatives| alternatives.0) {
                let version = relation.version.map(|(_, version)| version);
                provided.push(ProvidedName { name: relation.name, version, by: id(place) });
            }
            if provided.len() > MOST_PROVIDED {
                return Err(IndexError::TooManyProvided);
            }
        }
        provided.sort_by(|a, b| a.name.cmp(&b.name));
        self.provided = provided;
        Ok(())
    }
}

impl Id {
    /// The place as an index into tables that have one entry for each package of the universe.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

fn id(place: usize) -> Id {
    Id(u32::try_from(place).unwrap_or(u32::MAX))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::record::DebOrigin;
    use super::*;

    /// A universe from short stanzas: `Package` and relations; the rest is filled in.
    pub fn universe(stanzas: &[&str]) -> Universe {
        let mut universe = Universe::default();
        for text in stanzas {
            let mut stanza = Stanza::parse(text).unwrap();
            for (field, value) in [("Version", "1"), ("Architecture", "all")] {
                if stanza.get(field).is_none() {
                    stanza.set(field, value);
                }
            }
            universe.add_local(&stanza, "x.deb".into(), Sha256::of(b""), 0).unwrap();
        }
        universe
    }

    fn names(universe: &Universe, relation: &str) -> Vec<String> {
        let relations: Relations = relation.parse().unwrap();
        let relation = &relations.0[0].0[0];
        universe.satisfying(relation).into_iter().map(|id| universe.record(id).name.to_string()).collect()
    }

    #[test]
    fn real_packages_come_before_providers() {
        let universe = universe(&[
            "Package: mta",
            "Package: zz\nProvides: mta (= 3)\nPriority: important",
            "Package: bb\nProvides: mta",
            "Package: aa\nProvides: mta (= 2)",
        ]);
        assert_eq!(names(&universe, "mta"), ["mta", "zz", "bb", "aa"]);
        assert_eq!(names(&universe, "mta (>= 2)"), ["zz", "aa"]);
        assert!(names(&universe, "mta (>> 3)").is_empty() && names(&universe, "mta:i386").is_empty());
    }

    #[test]
    fn any_asks_for_a_package_that_allows_it() {
        let universe = universe(&["Package: aa\nMulti-Arch: allowed", "Package: bb\nMulti-Arch: foreign"]);
        assert_eq!(names(&universe, "aa:any"), ["aa"]);
        assert!(names(&universe, "bb:any").is_empty());
    }

    #[test]
    fn the_newest_version_counts_and_a_local_package_wins() {
        let hash = Sha256::of(b"");
        let record = |version: &str, path: &str| {
            let stanza = Stanza::parse(&format!("Package: aa\nVersion: {version}\nArchitecture: all\n")).unwrap();
            Record::from_local(&stanza, path.into(), hash, 0).unwrap().unwrap()
        };
        let records = vec![record("1.9", "a"), record("1.10", "b"), record("1.10", "c")];
        let mut universe = Universe::new(records).unwrap();
        assert_eq!(universe.len(), 1);
        let newest = universe.candidate("aa").unwrap();
        assert!(matches!(&newest.origin, DebOrigin::Local(path) if path.to_str() == Some("b")));
        let stanza = Stanza::parse("Package: aa\nVersion: 0.1\nArchitecture: all\n").unwrap();
        universe.add_local(&stanza, "d".into(), hash, 0).unwrap();
        assert_eq!(universe.candidate("aa").unwrap().version.as_str(), "0.1");
    }
}
