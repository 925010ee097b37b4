//! Checks versions, and relations to other packages.

use miette::Diagnostic;

use crate::control::{Alternatives, Comparison, Relation, RelationError, Version, VersionError};

/// Why a text is not a version.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error(transparent)]
#[diagnostic(help("write it as in deb-version(7): `1.0.0`, with a revision `1.0.0-1`, with an epoch `1:1.0.0`"))]
pub struct BadVersion(#[from] VersionError);

/// Why a text is not one relation.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BadRelation {
    #[error(transparent)]
    #[diagnostic(help("write it as in Debian Policy 7.1: \"nginx\", \"nginx (>= 1.18)\" or \"nginx | apache2\""))]
    Syntax(#[from] RelationError),
    #[error("`{0}` has more than one relation in it")]
    #[diagnostic(help("write each as a string of its own: [\"nginx\", \"postgresql (>= 14)\"]"))]
    Several(String),
    #[error("`{relation}` has `:{qualifier}` after the name, which is not `:any` or `:amd64`")]
    #[diagnostic(help("leave out the colon and what follows it"))]
    Qualifier { relation: String, qualifier: String },
    #[error("`{0}` is the package itself, which cannot depend on itself")]
    #[diagnostic(help("remove it"))]
    Itself(String),
    #[error("`{0}` has alternatives, which dpkg refuses here")]
    #[diagnostic(help("write each package as a string of its own: all of them hold"))]
    Alternatives(String),
    #[error("`{0}` is not a version that a package can have: only `=` may stand before it here")]
    #[diagnostic(help("write \"NAME\", or \"NAME (= VERSION)\" (Debian Policy 7.5)"))]
    Provided(String),
}

pub fn version(text: &str) -> Result<Version, BadVersion> {
    Ok(text.parse()?)
}

/// What stands for the version of the package in debian/control (deb-substvars(5)). All packages of a stack have one source, so
/// the two are the same.
const VARIABLES: [&str; 2] = ["${binary:Version}", "${source:Version}"];

/// Replaces these variables with the package's version. Without one, which is a mistake that is noted elsewhere, any
/// version will do.
pub fn with_version(text: &str, version: Option<&Version>) -> String {
    let version = version.map_or("0", Version::as_str);
    VARIABLES.iter().fold(text.to_owned(), |text, variable| text.replace(variable, version))
}

/// Checks one relation, with or without alternatives (Debian Policy 7.1). Returns `None` when it is for other architectures
/// or a build profile only. `own` is the name of the package that has the relation.
pub fn relation(text: &str, own: Option<&str>) -> Result<Option<Alternatives>, BadRelation> {
    if text.contains(',') {
        return Err(BadRelation::Several(text.to_owned()));
    }
    let alternatives: Alternatives = text.parse()?;
    let odd = |relation: &Relation| relation.qualifier.clone().filter(|q| !matches!(q.as_str(), "any" | "amd64"));
    if alternatives.0.iter().any(|relation| Some(relation.name.as_str()) == own) {
        return Err(BadRelation::Itself(text.to_owned()));
    }
    match alternatives.0.iter().find_map(odd) {
        Some(qualifier) => Err(BadRelation::Qualifier { relation: text.to_owned(), qualifier }),
        None => Ok(Some(alternatives).filter(|alternatives| !alternatives.0.is_empty())),
    }
}

/// Checks a relation to a package that is not wanted, or whose files are taken: without alternatives (Debian Policy 7.1).
pub fn single(text: &str) -> Result<Option<Alternatives>, BadRelation> {
    match text.contains('|') {
        true => Err(BadRelation::Alternatives(text.to_owned())),
        false => relation(text, None),
    }
}

/// Checks a name that a package provides, alone or with a version (Debian Policy 7.5).
pub fn provided(text: &str) -> Result<Option<Alternatives>, BadRelation> {
    let all = single(text)?;
    let odd =
        |relation: &Relation| matches!(relation.version, Some((comparison, _)) if comparison != Comparison::Equal);
    match all.as_ref().is_some_and(|alternatives| alternatives.0.iter().any(odd)) {
        true => Err(BadRelation::Provided(text.to_owned())),
        false => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn one_string_is_one_relation() {
        for good in ["nginx", "nginx (>= 1.18)", "a1 | b1", "python3:any", "python3:any (>= 3.9~)"] {
            assert_eq!(relation(good, None).unwrap().unwrap().to_string(), good);
        }
        assert!(relation("aa [arm64]", None).unwrap().is_none());
        for bad in
            ["", "aa, bb", "aa,", "aa (>> 1", "aa bb", "Nginx", "${python3:Depends}", "aa:b\"c", "aa:", "aa | itself"]
        {
            assert!(relation(bad, Some("itself")).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_wanted_has_no_alternatives_and_what_is_provided_one_version() {
        assert_eq!(single("aa (<< 2)").unwrap().unwrap().to_string(), "aa (<< 2)");
        assert!(single("aa | bb").is_err() && single("aa, bb").is_err());
        let text = with_version("aa (= ${binary:Version})", Some(&"1:2-3".parse().unwrap()));
        assert_eq!(provided(&text).unwrap().unwrap().to_string(), "aa (= 1:2-3)");
        assert!(provided("aa").is_ok() && provided("aa (>= 1)").is_err() && provided("aa | bb").is_err());
    }

    #[test]
    fn dpkg_agrees_on_versions_and_names() {
        let dpkg = |option: &str, text: &str| {
            Command::new("dpkg").arg(option).arg("--").arg(text).output().map(|output| output.status.success())
        };
        for text in ["1", "1.0-1", "1:2", "1~rc1", "1.0-", "a", "1 0", "1_0", "", "1:", "x:1", "0+git-1", "é1"] {
            let Ok(theirs) = dpkg("--validate-version", text) else { return };
            assert_eq!(version(text).is_ok(), theirs, "{text:?}");
        }
        for text in ["nginx", "a1", "c++", "0ad", "a.b", "-a", "nginx;", "ng inx", "né"] {
            let Ok(theirs) = dpkg("--validate-pkgname", text) else { return };
            assert_eq!(relation(text, None).is_ok(), theirs, "{text:?}");
        }
    }
}
