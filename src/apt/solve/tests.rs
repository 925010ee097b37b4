//! Small universes, and what is chosen of them.

use super::*;
use crate::apt::universe::tests::universe;

fn names(universe: &Universe, wanted: &str) -> Result<String, SolveError> {
    let found = solve(universe, &[wanted.parse().unwrap()])?;
    Ok(found.iter().map(|record| record.name.as_str()).collect::<Vec<_>>().join(" "))
}

#[test]
fn the_closure_takes_dependencies_and_cycles() {
    let universe = universe(&[
        "Package: aa\nPre-Depends: bb\nDepends: cc (>= 1)",
        "Package: bb\nDepends: aa",
        "Package: cc",
        "Package: dd",
    ]);
    assert_eq!(names(&universe, "aa").unwrap(), "aa bb cc");
}

#[test]
fn of_alternatives_one_that_is_wanted_anyway_is_taken() {
    let universe =
        universe(&["Package: aa\nDepends: bb | cc", "Package: bb", "Package: cc", "Package: dd\nDepends: cc"]);
    assert_eq!(names(&universe, "aa").unwrap(), "aa bb");
    assert_eq!(names(&universe, "aa, cc").unwrap(), "aa cc");
}

#[test]
fn dependencies_are_followed_in_their_order_if_that_leads_to_no_conflict() {
    let stanzas = ["Package: aa\nDepends: bb, ee", "Package: bb\nDepends: dd | ee", "Package: dd"];
    let with = |last: &str| names(&universe(&[&stanzas[..], &[last]].concat()), "aa").unwrap();
    assert_eq!(with("Package: ee"), "aa bb dd ee");
    assert_eq!(with("Package: ee\nConflicts: dd"), "aa bb ee");
}

#[test]
fn an_alternative_that_cannot_be_installed_is_skipped() {
    let universe = universe(&[
        "Package: aa\nDepends: bb | cc",
        "Package: bb\nDepends: missing",
        "Package: cc",
        "Package: dd\nConflicts: bb\nDepends: ee | cc",
        "Package: ee\nBreaks: dd",
    ]);
    assert_eq!(names(&universe, "aa").unwrap(), "aa cc");
    assert_eq!(names(&universe, "dd").unwrap(), "cc dd");
}

#[test]
fn a_chain_without_end_is_refused() {
    let chain = |length: usize| {
        let stanzas: Vec<String> =
            (0..length).map(|number| format!("Package: p{number}\nDepends: p{}", number + 1)).collect();
        let last = format!("Package: p{length}");
        universe(&stanzas.iter().map(String::as_str).chain([last.as_str()]).collect::<Vec<_>>())
    };
    assert_eq!(names(&chain(900), "p0").unwrap().split(' ').count(), 901);
    let error = names(&chain(3_000), "p0").unwrap_err().to_string();
    assert_eq!(error, "the dependencies of `p0 1` are more than 1000 packages deep");
}

#[test]
fn of_many_reasons_the_first_and_the_last_are_given() {
    let mut stanzas: Vec<String> =
        (0..900).map(|number| format!("Package: p{number:03}\nDepends: p{:03}", number + 1)).collect();
    stanzas.push(format!("Package: p900\nDepends: {}", vec!["missing"; 9_000].join(" | ")));
    let universe = universe(&stanzas.iter().map(String::as_str).collect::<Vec<_>>());
    let error = names(&universe, "p000").unwrap_err().to_string();
    assert!(error.contains("p000 1 depends on p001; p001 1 depends on p002;"), "{error}");
    assert!(error.contains("; p899 1 depends on p900; p900 1 depends on missing |"), "{error}");
    assert!(error.contains("; …; ") && error.contains("; there is no package missing, and"), "{error}");
    assert!(error.len() < 4_000, "{}", error.len());
}

#[test]
fn a_package_does_not_conflict_with_itself() {
    let universe =
        universe(&["Package: aa\nProvides: mta\nConflicts: mta", "Package: bb\nProvides: mta\nConflicts: mta"]);
    assert_eq!(names(&universe, "aa").unwrap(), "aa");
    assert!(names(&universe, "aa, bb").unwrap_err().to_string().contains("conflicts with"));
}

#[test]
fn the_error_names_the_relations_that_lead_to_the_cause() {
    let universe = universe(&["Package: aa\nDepends: bb", "Package: bb\nDepends: cc (>= 2) | dd", "Package: cc"]);
    assert_eq!(
        names(&universe, "aa").unwrap_err().to_string(),
        "`aa` cannot be installed: aa 1 depends on bb; bb 1 depends on cc (>= 2) | dd; cc has only the version 1, \
         and there is no package dd"
    );
}
