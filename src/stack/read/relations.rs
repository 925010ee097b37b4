//! Reads the relations of a package to others: `conflicts`, `recommends` and so on.

use super::table::Table;
use crate::control::{Relations, Version};
use crate::stack::relations::OtherRelations;
use crate::stack::values::relations::{provided, relation, single, with_version};

/// Reads `depends`. A relation to the package `own` itself is a mistake; a variable may stand for `version`.
pub(super) fn depends(table: &mut Table<'_>, own: Option<&str>, version: Option<&Version>) -> Relations {
    needed(table, "depends", own, version)
}

/// Reads the relations beside `depends` (policy 7.2 to 7.6).
pub(super) fn others(table: &mut Table<'_>, own: Option<&str>, version: Option<&Version>) -> OtherRelations {
    let one = |text: &str| single(&with_version(text, version));
    OtherRelations {
        pre_depends: needed(table, "pre-depends", own, version),
        recommends: needed(table, "recommends", own, version),
        suggests: needed(table, "suggests", own, version),
        conflicts: table.relations_by("conflicts", one),
        breaks: table.relations_by("breaks", one),
        replaces: table.relations_by("replaces", one),
        provides: table.relations_by("provides", |text| provided(&with_version(text, version))),
    }
}

fn needed(table: &mut Table<'_>, key: &'static str, own: Option<&str>, version: Option<&Version>) -> Relations {
    table.relations_by(key, |text| relation(&with_version(text, version), own))
}
