//! Libraries that a package of the suite provides: a requirement → the relations to that package, where
//! its version satisfies the requirement.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifier};
use pep508_rs::{PackageName, Requirement, VerbatimUrl, VersionOrUrl};

use crate::control::{self, Alternatives};
use crate::stack::FromDebian;

/// The package of a library in the suite.
#[derive(Debug, Clone)]
pub struct DebianLibrary {
    pub package: control::PackageName,
    pub version: control::Version,
}

/// What the suite has of the libraries that are wanted from it.
#[derive(Debug, Clone, Default)]
pub struct Debian {
    pub wanted: FromDebian,
    pub known: BTreeMap<PackageName, DebianLibrary>,
}

/// Whether Debian's package will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It is not asked for.
    NotWanted,
    /// It does, with these relations.
    Fits {
        /// The package with its version in the suite.
        package: String,
        relations: Vec<Alternatives>,
    },
    /// It does not, for this reason, which is the end of a sentence.
    Unfit(String),
}

impl Debian {
    /// Whether this library is asked of the suite by its name, and the suite has one that will do.
    pub fn provides(&self, requirement: &Requirement<VerbatimUrl>) -> bool {
        matches!(self.wanted, FromDebian::Named(_)) && matches!(self.offer(requirement), Offer::Fits { .. })
    }

    /// Compares the version in the suite with what is required.
    pub fn offer(&self, requirement: &Requirement<VerbatimUrl>) -> Offer {
        let named = match &self.wanted {
            FromDebian::Nothing => return Offer::NotWanted,
            FromDebian::Named(names) if !names.contains(&requirement.name) => return Offer::NotWanted,
            FromDebian::Named(_) => true,
            FromDebian::AllThatFit => false,
        };
        let Some(library) = self.known.get(&requirement.name) else {
            return Offer::Unfit("the suite has no package of it".to_owned());
        };
        let (package, has) = (&library.package, &library.version);
        // An extra is a set of further libraries, which the package need not depend on.
        if !requirement.extras.is_empty() && !named {
            return Offer::Unfit(format!("{package} may lack its extras"));
        }
        let fits = |relations| Offer::Fits { package: format!("{package} {has}"), relations };
        let Some(version) = upstream(has) else {
            return Offer::Unfit(format!("the version {has} of {package} is not a version as Python writes them"));
        };
        match &requirement.version_or_url {
            None => fits(package.as_str().parse().into_iter().collect()),
            Some(VersionOrUrl::Url(_)) => Offer::Unfit("it is an address".to_owned()),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) if specifiers.contains(&version) => {
                let limits = specifiers.iter().flat_map(|specifier| limits(specifier, has));
                // Python takes 3.1 and 3.1.0 for equal, and Debian does not: then the package's own version is the limit.
                let relation = |(operator, version): (&str, String)| {
                    let of = |version: &str| format!("{package} ({operator} {version})").parse::<Alternatives>().ok();
                    let accepts = |one: &Alternatives| one.0.iter().all(|relation| relation.accepts(has));
                    let own = bare(has);
                    let own = if operator == "<<" { format!("{own}.0~") } else { own };
                    of(&version).filter(accepts).or_else(|| of(&own))
                };
                let mut relations: Vec<Alternatives> = limits.filter_map(relation).collect();
                if relations.is_empty() {
                    relations.extend(package.as_str().parse::<Alternatives>());
                }
                fits(relations)
            }
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                Offer::Unfit(format!("{package} {has} does not satisfy `{specifiers}`"))
            }
        }
    }
}

/// The version without the revision.
fn bare(version: &control::Version) -> String {
    let text = version.as_str();
    text.rsplit_once('-').map_or(text, |(upstream, _)| upstream).to_owned()
}

/// The version that a library itself has: without epoch and revision, and without what the packager has added.
fn upstream(version: &control::Version) -> Option<Version> {
    let text = version.without_epoch();
    let text = text.rsplit_once('-').map_or(text, |(upstream, _)| upstream);
    // `8.2.0+0.really.8.1.8` is 8.1.8: the packager has gone back.
    let text = text.rsplit_once("really").map_or(text, |(_, real)| real.trim_start_matches('.'));
    let text = ["+dfsg", "+ds", "+repack", "~dfsg", "~ds", ".dfsg"]
        .iter()
        .fold(text, |text, added| text.find(added).and_then(|at| text.get(..at)).unwrap_or(text));
    Version::from_str(&text.replace('~', "")).ok()
}

/// The limits of a relation for one specifier, with the epoch of the package.
fn limits(specifier: &VersionSpecifier, package: &control::Version) -> Vec<(&'static str, String)> {
    let whole = package.as_str();
    let epoch = whole.split_once(':').map(|(epoch, _)| format!("{epoch}:")).unwrap_or_default();
    let version = specifier.version();
    let of = |version: &str| format!("{epoch}{version}");
    let release = version.release();
    // The version after all that have these first numbers: 2.2 for 2.1.
    let next = |numbers: &[u64]| {
        let (last, first) = numbers.split_last()?;
        let numbers = first.iter().copied().chain([last.saturating_add(1)]);
        Some(numbers.map(|number| number.to_string()).collect::<Vec<_>>().join("."))
    };
    let text = version.to_string();
    match specifier.operator() {
        Operator::GreaterThanEqual => vec![(">=", of(&text))],
        Operator::GreaterThan => vec![(">>", of(&text))],
        Operator::LessThan => vec![("<<", of(&format!("{text}~")))],
        Operator::LessThanEqual => vec![("<<", of(&format!("{text}.0~")))],
        // 3.1.0-1 and 3.1.0+dfsg-1 are 3.1.0, and so is what a security update makes of them.
        Operator::Equal | Operator::ExactEqual => vec![(">=", of(&text)), ("<<", of(&format!("{text}.0~")))],
        Operator::EqualStar => {
            let mut limits = vec![(">=", of(&text))];
            limits.extend(next(release).map(|next| ("<<", of(&format!("{next}~")))));
            limits
        }
        Operator::TildeEqual => {
            let above = release.split_last().and_then(|(_, first)| next(first));
            let mut limits = vec![(">=", of(&text))];
            limits.extend(above.map(|next| ("<<", of(&format!("{next}~")))));
            limits
        }
        Operator::NotEqual | Operator::NotEqualStar => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(requirement: &str, version: &str) -> Offer {
        let name = PackageName::from_str("flask").unwrap();
        let library = DebianLibrary { package: "python3-flask".parse().unwrap(), version: version.parse().unwrap() };
        let debian = Debian { wanted: FromDebian::AllThatFit, known: BTreeMap::from([(name, library)]) };
        debian.offer(&requirement.parse().unwrap())
    }

    #[test]
    fn relations_accept_the_package_and_what_the_requirement_says() {
        for (requirement, version, expected) in [
            ("flask", "3.1.0-1", "python3-flask"),
            ("flask>=2.0,<4", "3.1.0-1", "python3-flask (>= 2.0), python3-flask (<< 4~)"),
            ("flask==3.1.0", "3.1.0+dfsg-2", "python3-flask (>= 3.1.0), python3-flask (<< 3.1.0.0~)"),
            ("flask==3.1.*", "3:3.1.2-1", "python3-flask (>= 3:3.1), python3-flask (<< 3:3.2~)"),
            ("flask~=3.1.0", "3.1.9-1", "python3-flask (>= 3.1.0), python3-flask (<< 3.2~)"),
            ("flask!=3.0,>2", "3.1~rc1-1", "python3-flask (>> 2)"),
            ("flask<=3.1", "3.1-1+deb13u2", "python3-flask (<< 3.1.0~)"),
            ("flask==3.1", "3.1.0-1", "python3-flask (>= 3.1), python3-flask (<< 3.1.0.0~)"),
            ("flask>=3.1.0", "1:3.1-1", "python3-flask (>= 1:3.1)"),
            ("flask<3.2", "3.2.0+0.really.3.1.8-1", "python3-flask (<< 3.2.0+0.really.3.1.8.0~)"),
        ] {
            let Offer::Fits { relations, .. } = offer(requirement, version) else { panic!("{requirement} {version}") };
            // The specifiers have an order of their own.
            let mut relations: Vec<String> = relations.iter().map(ToString::to_string).collect();
            let mut expected: Vec<&str> = expected.split(", ").collect();
            relations.sort();
            expected.sort_unstable();
            assert_eq!(relations, expected, "{requirement}");
            let package: control::Version = version.parse().unwrap();
            for relation in relations {
                let relation: Alternatives = relation.parse().unwrap();
                assert!(relation.0[0].accepts(&package), "{requirement}: {relation} and {version}");
            }
        }
        for (requirement, version) in [
            ("flask>=3.2", "3.1.0-1"),
            ("flask<3", "3.1.0-1"),
            ("flask[async]", "3.1.0-1"),
            ("flask==3.1", "3.1.1-1"),
            ("other", "1-1"),
        ] {
            assert!(matches!(offer(requirement, version), Offer::Unfit(_)), "{requirement}");
        }
    }
}
