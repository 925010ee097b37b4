//! The order in which dpkg takes packages that are installed together: their control data → the number of dpkg's call that each is
//! for. dpkg unpacks a package only when what it pre-depends on is configured (Debian Policy 7.2), so that one is installed by an
//! earlier call. Packages without `Pre-Depends` on each other are all for the first call.

use std::path::PathBuf;

use miette::Diagnostic;

use super::reader::{ReadError, Reader};
use crate::control::{RelationError, Relations, Stanza};

/// Why there is no such order.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum InstallOrderError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] ReadError),
    #[error("the package {package} has a field {field} that is not a list of relations: {source}")]
    Relation {
        package: String,
        field: &'static str,
        #[source]
        source: RelationError,
    },
    /// Each waits for the other.
    #[error(
        "the package {package} pre-depends on {other}, which in turn needs {package}: {other} cannot be configured before {package} is \
         there, and dpkg does not unpack {package} before {other} is configured"
    )]
    #[diagnostic(help(
        "write {other} into `depends` of {package} instead of `pre-depends`, or let {other} not depend on {package}"
    ))]
    Circle { package: String, other: String },
}

/// One package needs another of the same set. Both are places in the set.
struct Need {
    from: usize,
    to: usize,
    /// Whether it is in `Pre-Depends`.
    before: bool,
}

/// The packages of `files` in the calls of dpkg that install them, in order. The order of `files` stays within each call.
///
/// # Errors
/// When a file cannot be read, or no order is right.
pub fn install_steps(files: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, InstallOrderError> {
    let controls: Vec<Stanza> =
        files.iter().map(|file| Reader::open(file)?.control()).collect::<Result<_, ReadError>>()?;
    let calls = install_calls(&controls)?;
    let last = calls.iter().max().copied().unwrap_or_default();
    let of_call = |call: usize| {
        let pairs = files.iter().zip(&calls).filter(|(_, of)| **of == call);
        pairs.map(|(file, _)| file.clone()).collect::<Vec<_>>()
    };
    Ok((0..=last).map(of_call).filter(|files| !files.is_empty()).collect())
}

/// For each package, how many calls of dpkg come before the one that installs it.
///
/// # Errors
/// When no order is right, or a field of relations is not valid.
pub fn install_calls(controls: &[Stanza]) -> Result<Vec<usize>, InstallOrderError> {
    let needs = needs(controls)?;
    for need in needs.iter().filter(|need| need.before) {
        if reaches(&needs, need.to, need.from) {
            let name = |place: usize| controls.get(place).map(name).unwrap_or_default().to_owned();
            return Err(InstallOrderError::Circle { package: name(need.from), other: name(need.to) });
        }
    }
    let mut calls = vec![0_usize; controls.len()];
    // No chain is longer than the set, and each round makes all chains longer by one.
    for _ in controls {
        for Need { from, to, before } in &needs {
            let earliest = calls.get(*to).copied().unwrap_or_default().saturating_add(usize::from(*before));
            if let Some(call) = calls.get_mut(*from) {
                *call = earliest.max(*call);
            }
        }
    }
    Ok(calls)
}

fn name(control: &Stanza) -> &str {
    control.get("Package").unwrap_or_default()
}

/// Which packages need which. Of alternatives it is the first that counts, because that one is chosen where it is there.
fn needs(controls: &[Stanza]) -> Result<Vec<Need>, InstallOrderError> {
    let mut needs = Vec::new();
    for (from, control) in controls.iter().enumerate() {
        for (field, before) in [("Pre-Depends", true), ("Depends", false)] {
            let text = control.get(field).unwrap_or_default();
            let relations: Relations = text.parse().map_err(|source| {
                let package = name(control).to_owned();
                InstallOrderError::Relation { package, field, source }
            })?;
            let firsts = relations.0.iter().filter_map(|alternatives| alternatives.0.first());
            let places =
                firsts.filter_map(|first| controls.iter().position(|other| name(other) == first.name.as_str()));
            needs.extend(places.filter(|to| *to != from).map(|to| Need { from, to, before }));
        }
    }
    Ok(needs)
}

/// Whether the package `start` needs `goal`, also through others.
fn reaches(needs: &[Need], start: usize, goal: usize) -> bool {
    let mut seen = vec![start];
    let mut next = 0_usize;
    while let Some(&place) = seen.get(next) {
        next = next.saturating_add(1);
        for need in needs.iter().filter(|need| need.from == place) {
            if !seen.contains(&need.to) {
                seen.push(need.to);
            }
        }
    }
    seen.contains(&goal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(stanzas: &[&str]) -> Result<Vec<usize>, InstallOrderError> {
        install_calls(&stanzas.iter().map(|text| Stanza::parse(text).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_pre_depended_on_comes_in_an_earlier_call_with_all_that_it_needs() {
        let all = calls(&[
            "Package: aa\nPre-Depends: dpkg, bb (= 1)\n",
            "Package: bb\nDepends: cc\n",
            "Package: cc\nDepends: bb, aa-data\n",
            "Package: aa-data\nPre-Depends: awk | dd\n",
            "Package: dd\nDepends: aa\n",
            "Package: ee\nPre-Depends: dd | bb\n",
        ]);
        assert_eq!(all.unwrap(), [1, 0, 0, 0, 1, 2]);
        assert_eq!(calls(&["Package: aa\nDepends: bb\n", "Package: bb\nDepends: aa\n"]).unwrap(), [0, 0]);
        assert!(calls(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_circle_with_a_pre_dependency_is_refused() {
        let circle =
            calls(&["Package: aa\nDepends: bb\n", "Package: bb\nDepends: cc\n", "Package: cc\nPre-Depends: aa\n"]);
        let said = circle.unwrap_err().to_string();
        assert!(said.starts_with("the package cc pre-depends on aa, which in turn needs cc"), "{said}");
    }
}
