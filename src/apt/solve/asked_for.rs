//! Whether something asks for each package of a set, such as a lock that somebody may have changed by hand.

use super::error::SolveError;
use crate::apt::record::{Field, Record};
use crate::apt::universe::{Id, Universe};
use crate::control::{Alternatives, Relations};

/// The first package, by name, that neither `wanted` nor a package that they lead to asks for. Of alternatives and providers all
/// count: which of them was chosen, only what made the set knows.
///
/// # Errors
/// When a field of a package is not a list of relations.
pub fn unasked<'a>(universe: &'a Universe, wanted: &[Relations]) -> Result<Option<&'a Record>, SolveError> {
    let satisfying = |group: &Alternatives| -> Vec<Id> {
        group.0.iter().flat_map(|relation| universe.satisfying(relation)).collect()
    };
    let mut asked = vec![false; universe.len()];
    let mut ahead: Vec<Id> = wanted.iter().flat_map(|relations| &relations.0).flat_map(satisfying).collect();
    while let Some(id) = ahead.pop() {
        match asked.get_mut(id.index()) {
            Some(known @ false) => *known = true,
            _ => continue,
        }
        let record = universe.record(id);
        for field in [Field::PreDepends, Field::Depends] {
            let relations = record.relations(field).map_err(|source| {
                let package = record.name.to_string();
                SolveError::Relation { package, field: field.as_str(), source }
            })?;
            ahead.extend(relations.0.iter().flat_map(satisfying));
        }
    }
    Ok(universe.records().iter().zip(asked).find(|(_, asked)| !asked).map(|(record, _)| record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::universe::tests::universe;

    #[test]
    fn what_nothing_asks_for_is_found() {
        let stanzas = [
            "Package: aa\nDepends: mta | bb",
            "Package: bb\nPre-Depends: dd",
            "Package: cc\nProvides: mta",
            "Package: dd",
        ];
        let wanted: [Relations; 1] = ["aa".parse().unwrap()];
        assert!(unasked(&universe(&stanzas), &wanted).unwrap().is_none());
        let more = [stanzas.as_slice(), &["Package: ee\nDepends: aa"]].concat();
        let of_more = universe(&more);
        assert_eq!(unasked(&of_more, &wanted).unwrap().unwrap().name.as_str(), "ee");
    }
}
