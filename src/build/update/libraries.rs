//! Moves the libraries of a lock to the newest versions that fit together: all of them, or some with what these need.

use std::collections::BTreeMap;

use super::names::NamedForUpdate;
use crate::apt::lock::Moved;
use crate::build::libraries;
use crate::build::lock_file::{lock_to_read, write_libraries};
use crate::python::{Held, Libraries, Library, lock::Pin};
use crate::stack::Stack;
use crate::system::progress::Reporter;

/// Writes the libraries of the lock of `stack` again, which are `locked` now, and returns those that are different. If none
/// of them is named, the lock stays as it is.
///
/// # Errors
/// As [`crate::build::lock::write`].
pub(super) fn update(
    stack: &Stack,
    locked: Vec<Pin>,
    named: &NamedForUpdate,
    reporter: Reporter,
) -> miette::Result<Vec<Moved>> {
    let before: BTreeMap<String, String> =
        locked.iter().map(|pin| (pin.name.to_string(), pin.version.to_string())).collect();
    let moving = named.libraries.iter().filter(|name| locked.iter().any(|pin| pin.name == **name));
    let held = match named.is_all {
        true => None,
        false => Some(Held { moving: moving.cloned().collect(), locked }),
    };
    if held.as_ref().is_some_and(|held| held.moving.is_empty()) {
        return Ok(Vec::new());
    }
    let (Libraries { all, needs, .. }, text) = libraries::choose(stack, held, reporter)?;
    needs.warnings.iter().for_each(|warning| reporter.warn(warning));
    for note in all.iter().filter_map(Library::note) {
        reporter.say(&note);
    }
    write_libraries(stack, &lock_to_read(stack), &text)?;
    let after = all.iter().map(|one| (one.name.to_string(), one.wheel.name.version.to_string())).collect();
    Ok(moved(&before, &after))
}

/// In the order of their names.
fn moved(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Moved> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let one = |name: &String| Moved {
        name: name.clone(),
        from: before.get(name).cloned(),
        to: after.get(name).cloned(),
        is_security: false,
    };
    names.into_iter().map(one).filter(|moved| moved.from != moved.to).collect()
}
