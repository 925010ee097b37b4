//! The dependencies and conflicts of one package: its relation fields (Debian Policy 7) → the packages that they name.

use super::error::{MOST_NEEDS, SolveError, Trouble};
use crate::apt::record::Field;
use crate::apt::universe::{Id, Universe};
use crate::control::Alternatives;

/// The parsed relation fields of a package.
pub(super) struct PackageNeeds {
    /// `Pre-Depends` and `Depends`. With each relation, the package that satisfies it, if there is only one.
    pub(super) depends: Vec<(Alternatives, Option<Id>)>,
    /// The packages that its own fields `Conflicts` and `Breaks` name.
    pub(super) against: Vec<Id>,
}

impl PackageNeeds {
    /// Parses the fields. Fails if one is not valid.
    pub(super) fn of(universe: &Universe, id: Id) -> Result<Self, Trouble> {
        let field = |field| read(universe, id, field);
        let mut depends = Vec::new();
        for group in field(Field::PreDepends)?.into_iter().chain(field(Field::Depends)?) {
            let mut all = group.0.iter().flat_map(|relation| universe.satisfying(relation));
            let only = all.next().filter(|first| all.all(|other| other == *first));
            depends.push((group, only));
        }
        let mut against = Vec::new();
        for group in field(Field::Conflicts)?.into_iter().chain(field(Field::Breaks)?) {
            let rivals = group.0.iter().flat_map(|relation| universe.satisfying(relation));
            against.extend(rivals.filter(|&other| other != id));
            // Above this number the solver gives the search up, so no more are collected.
            if against.len() > MOST_NEEDS {
                break;
            }
        }
        Ok(Self { depends, against })
    }

    /// The number of relations and packages in it.
    pub(super) fn count(&self) -> usize {
        self.depends.iter().map(|(group, _)| group.0.len()).sum::<usize>().saturating_add(self.against.len())
    }
}

fn read(universe: &Universe, id: Id, field: Field) -> Result<Vec<Alternatives>, Trouble> {
    let record = universe.record(id);
    record.relations(field).map(|relations| relations.0).map_err(|source| {
        let package = record.name.to_string();
        Trouble::Error(SolveError::Relation { package, field: field.as_str(), source })
    })
}
