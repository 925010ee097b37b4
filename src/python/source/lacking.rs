//! What a resolver says when a library has no wheel that fits → the names of such libraries. Resolvers get wheels alone, because
//! they would run source code on this machine to find out what it needs.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;

/// What uv writes before such a name, in backquotes.
const UV: &str = "Wheels are required for ";
/// What pip writes before such a requirement.
const PIP: &str = "No matching distribution found for ";
/// What uv writes before a requirement: which versions are asked for.
const ASKED: [&str; 3] = ["depends on ", "depend on ", "you require "];

/// What pip writes before the lines of a conflict: `web 2.0 depends on core<2 and >=1`, `The user requested core==2.0`. It says so
/// too when several versions of a library ask for one that has no wheel.
pub const CONFLICT: &str = "The conflict is caused by:";
const CONFLICT_LINES: [&str; 2] = [" depends on ", "The user requested "];

/// A library without a wheel that fits, and the versions that are asked for as far as the resolver says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    pub name: PackageName,
    /// Whether the resolver says that there is no wheel. In a conflict of several libraries it does not say for which.
    pub is_certain: bool,
    asked: Vec<VersionSpecifiers>,
}

impl Lacking {
    /// Whether everybody who asks for it is content with that version.
    pub fn accepts(&self, version: &Version) -> bool {
        self.asked.iter().all(|specifiers| specifiers.contains(version))
    }

    /// Whether somebody who asks for it is content with that version: several versions of a library can ask for it, each for
    /// others.
    pub fn accepts_for_one(&self, version: &Version) -> bool {
        self.asked.is_empty() || self.asked.iter().any(|specifiers| specifiers.contains(version))
    }
}

/// The libraries that have no wheel, in the order in which they are named.
pub fn lacking(said: &str) -> Vec<Lacking> {
    let of_conflict: Vec<_> = said.split_once(CONFLICT).into_iter().flat_map(|(_, lines)| in_conflict(lines)).collect();
    // Lines are broken at a width of the resolver's own.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let after = |mark: &'static str| said.match_indices(mark).filter_map(move |(at, _)| at.checked_add(mark.len()));
    let rest = |at: usize| said.get(at..).unwrap_or_default().trim_start_matches('`');
    let mut found: Vec<Lacking> = Vec::new();
    for (name, specifiers) in after(UV).chain(after(PIP)).filter_map(|at| requirement(rest(at))) {
        if !found.iter().any(|one| one.name == name) {
            found.push(Lacking { name, is_certain: true, asked: specifiers.into_iter().collect() });
        }
    }
    for (name, specifiers) in ASKED.into_iter().flat_map(after).filter_map(|at| requirement(rest(at))) {
        if let Some(one) = found.iter_mut().find(|one| one.name == name) {
            one.asked.extend(specifiers);
        }
    }
    for (name, specifiers) in of_conflict {
        match found.iter_mut().find(|one| one.name == name) {
            Some(one) => one.asked.extend(specifiers),
            None => found.push(Lacking { name, is_certain: false, asked: specifiers.into_iter().collect() }),
        }
    }
    found
}

/// What is asked for in the lines of a conflict.
fn in_conflict(lines: &str) -> impl Iterator<Item = (PackageName, Option<VersionSpecifiers>)> + '_ {
    let asked = lines.lines().filter_map(|line| CONFLICT_LINES.iter().find_map(|mark| line.split_once(mark)));
    asked.filter_map(|(_, text)| {
        let text = text.split_once(';').map_or(text, |(text, _)| text);
        requirement(&text.replace(" and ", ",").replace(' ', ""))
    })
}

/// The requirement at the beginning of a text: `name>=1,<2`, without white space.
fn requirement(text: &str) -> Option<(PackageName, Option<VersionSpecifiers>)> {
    let word = text.split([' ', '`']).next()?.trim_end_matches([',', '.', ')']);
    let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(word.len());
    let (name, rest) = word.split_at_checked(end)?;
    let rest = rest.split_once(']').map_or(rest, |(_, rest)| rest);
    Some((PackageName::from_str(name).ok()?, VersionSpecifiers::from_str(rest).ok().filter(|_| !rest.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_resolvers_are_understood() {
        let uv = "error: No solution found when resolving dependencies\n  cause: Because docopt==0.6.2 has no usable wheels \
            and only docopt<=0.6.2 is available, we can conclude that docopt>=0.6.2 cannot be used.\n         And because \
            num2words==0.5.10 depends on docopt>=0.6.2 and you require num2words==0.5.10, we can conclude\n\n\
            hint: Wheels are required for `docopt` because building from source is disabled for all packages";
        let pip = "ERROR: Could not find a version that satisfies the requirement docopt>=0.6.2 (from num2words) (from \
            versions: none)\nERROR: No matching distribution found for docopt>=0.6.2\n";
        for said in [uv, pip] {
            let found = lacking(said);
            assert_eq!(found.iter().map(|one| one.name.as_ref()).collect::<Vec<_>>(), ["docopt"], "{said}");
            assert!(found[0].accepts(&"0.6.2".parse().unwrap()) && !found[0].accepts(&"0.6.1".parse().unwrap()));
        }
        assert_eq!(lacking("Because web==2.0 depends on core<2 and you require core==2.0"), []);
    }

    #[test]
    fn each_line_of_a_conflict_is_read() {
        let pip = "The conflict is caused by:\nisso 0.13.0 depends on misaka<3.0 and >=2.0\nisso 0.10.6 depends on misaka<2.0 \
            and >=1.0; python_version > \"3\"\nThe user requested pyjwt[crypto]\nERROR: Cannot install isso==0.13.0 and isso==0.10.6";
        let found = lacking(pip);
        assert_eq!(found.iter().map(|one| one.name.as_ref()).collect::<Vec<_>>(), ["misaka", "pyjwt"]);
        let accepted = |version: &str| {
            let version = version.parse().unwrap();
            (found[0].accepts(&version), found[0].accepts_for_one(&version))
        };
        assert_eq!(["2.1", "1.2", "3.0"].map(accepted), [(false, true), (false, true), (false, false)]);
    }
}
