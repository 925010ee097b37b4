//! What one package needs and what it cannot bear: its relation fields come in (Debian Policy 7); the packages that they
//! mean go out.

use super::error::{SolveError, Trouble};
use crate::apt::record::Field;
use crate::apt::universe::{Id, Universe};
use crate::control::Alternatives;

/// What a package needs and what it cannot bear, read once.
pub(super) struct Needs {
    /// Each relation, and the package that satisfies it if there is only one.
    pub(super) depends: Vec<(Alternatives, Option<Id>)>,
    /// Packages that conflict with it, from its side.
    pub(super) against: Vec<Id>,
}

impl Needs {
    /// Reads them.
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
        }
        Ok(Self { depends, against })
    }
}

fn read(universe: &Universe, id: Id, field: Field) -> Result<Vec<Alternatives>, Trouble> {
    let record = universe.record(id);
    record.relations(field).map(|relations| relations.0).map_err(|source| {
        let package = record.name.to_string();
        Trouble::Error(SolveError::Relation { package, field: field.as_str(), source })
    })
}
