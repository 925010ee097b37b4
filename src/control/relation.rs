//! Relations between packages: `a (>= 1) | b [amd64], c` (Debian Policy 7.1, deb-control(5)).

use std::fmt;
use std::str::FromStr;

use super::restriction::{architectures_have_amd64, holds_without_profiles, is_architecture};
use super::{NameError, PackageName, Version, VersionError};

/// A relation field. All of its members must be satisfied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations(pub Vec<Alternatives>);

/// Relations separated by `|`. One of them must be satisfied; the first is preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternatives(pub Vec<Relation>);

/// The name of a package, with limits on its version and its architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// A real or virtual package.
    pub name: PackageName,
    /// The word after `name:`, which is `any` or an architecture.
    pub qualifier: Option<String>,
    /// The versions that satisfy the relation. `None` means all versions.
    pub version: Option<(Comparison, Version)>,
}

/// An operator before a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// Why a text is not a relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// A separator with nothing before or after it.
    #[error("`{0}` has a separator with nothing before or after it")]
    Empty(String),
    /// `(` without `)`, `[` without `]`, or `<` without `>`.
    #[error("`{0}` has a bracket that is not closed")]
    Unclosed(String),
    /// Text after the end of a relation.
    #[error("`{relation}` has `{rest}` where `,`, `|` or the end was expected")]
    Trailing {
        /// The relation as it was given.
        relation: String,
        rest: String,
    },
    #[error("`({0})` does not begin with one of `<<`, `<=`, `=`, `>=`, `>>`")]
    BadComparison(String),
    #[error("`{0}` has a word after its `:` that is neither `any` nor the name of an architecture")]
    BadQualifier(String),
    #[error("`[{0}]` is not a list of architectures, with a `!` before each of them or before none")]
    BadArchitectures(String),
    #[error("`<{0}>` is not a list of build profiles")]
    BadProfiles(String),
    #[error("the package name {0}")]
    Name(#[from] NameError),
    #[error("the version {0}")]
    Version(#[from] VersionError),
}

impl Relations {
    /// Adds a relation. Where there is one to a later version of the same package already, or an earlier one, the stricter of
    /// the two `>=` remains, in its place; what is there already is not added again.
    pub fn add(&mut self, new: Alternatives) {
        let lowest = |alternatives: &Alternatives| match alternatives.0.as_slice() {
            [Relation { name, qualifier: None, version: Some((Comparison::LaterOrEqual, version)) }] => {
                Some((name.clone(), version.clone()))
            }
            _ => None,
        };
        if let Some((name, version)) = lowest(&new) {
            for old in &mut self.0 {
                let Some((_, known)) = lowest(old).filter(|(known, _)| *known == name) else { continue };
                if known < version {
                    *old = new;
                }
                return;
            }
        }
        let any_version = |alternatives: &Alternatives| match alternatives.0.as_slice() {
            [Relation { name, qualifier: None, version: None }] => Some(name.clone()),
            _ => None,
        };
        let limited = |name: &PackageName| {
            let of_name = |old: &Alternatives| matches!(old.0.as_slice(), [only] if only.name == *name && only.qualifier.is_none());
            self.0.iter().any(of_name)
        };
        if !self.0.contains(&new) && !any_version(&new).is_some_and(|name| limited(&name)) {
            self.0.push(new);
        }
    }
}

impl Comparison {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    /// Whether `version OPERATOR bound` is true.
    pub fn holds(self, version: &Version, bound: &Version) -> bool {
        match self {
            Self::Earlier => version < bound,
            Self::EarlierOrEqual => version <= bound,
            Self::Equal => version == bound,
            Self::LaterOrEqual => version >= bound,
            Self::Later => version > bound,
        }
    }
}

impl Relation {
    /// Makes a relation that all versions of a package satisfy.
    pub fn any_version(name: PackageName) -> Self {
        Self { name, qualifier: None, version: None }
    }

    /// Whether a package of the right name satisfies the relation if it has this version.
    pub fn accepts(&self, version: &Version) -> bool {
        self.version.as_ref().is_none_or(|(comparison, bound)| comparison.holds(version, bound))
    }

    /// Parses one relation. Returns `None` if its list of architectures does not include amd64, or its build profiles are not
    /// satisfied when none is active.
    fn parse(text: &str) -> Result<Option<Self>, RelationError> {
        let text = text.trim_ascii();
        let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '(' | '[' | '<')).unwrap_or(text.len());
        let (head, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let mut rest = rest.trim_ascii_start();
        if head.is_empty() && rest.is_empty() {
            return Err(RelationError::Empty(text.to_owned()));
        }
        let (name, qualifier) = match head.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
            None => (head, None),
        };
        // `native` is for the packages that a build needs (deb-src-control(5)).
        if !qualifier.as_deref().is_none_or(|word| is_architecture(word) && word != "native") {
            return Err(RelationError::BadQualifier(text.to_owned()));
        }
        let mut relation = Self { name: name.parse()?, qualifier, version: None };
        if let Some((inside, after)) = bracketed(text, rest, '(', ')')? {
            relation.version = Some(parse_version(inside)?);
            rest = after;
        }
        let mut ours = true;
        if let Some((inside, after)) = bracketed(text, rest, '[', ']')? {
            let bad = || RelationError::BadArchitectures(inside.to_owned());
            ours = architectures_have_amd64(inside).ok_or_else(bad)?;
            rest = after;
        }
        let mut profiles = None;
        while let Some((inside, after)) = bracketed(text, rest, '<', '>')? {
            let bad = || RelationError::BadProfiles(inside.to_owned());
            profiles = Some(holds_without_profiles(inside).ok_or_else(bad)? || profiles == Some(true));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(RelationError::Trailing { relation: text.to_owned(), rest: rest.to_owned() });
        }
        Ok((ours && profiles != Some(false)).then_some(relation))
    }
}

/// Splits `rest` into the text between brackets at its start and the text after them. Returns `None` if it does not
/// start with `open`. `whole` is for the error message.
fn bracketed<'a>(
    whole: &str,
    rest: &'a str,
    open: char,
    close: char,
) -> Result<Option<(&'a str, &'a str)>, RelationError> {
    let Some(inside) = rest.strip_prefix(open) else { return Ok(None) };
    let (inside, after) = inside.split_once(close).ok_or_else(|| RelationError::Unclosed(whole.to_owned()))?;
    Ok(Some((inside.trim_ascii(), after.trim_ascii_start())))
}

fn parse_version(inside: &str) -> Result<(Comparison, Version), RelationError> {
    use Comparison::{Earlier, EarlierOrEqual, Equal, Later, LaterOrEqual};
    let known = [Earlier, EarlierOrEqual, LaterOrEqual, Later, Equal];
    let found = known.into_iter().find_map(|c| inside.strip_prefix(c.as_str()).map(|rest| (c, rest.trim_ascii())));
    let (comparison, version) = found.ok_or_else(|| RelationError::BadComparison(inside.to_owned()))?;
    Ok((comparison, version.parse()?))
}

impl FromStr for Alternatives {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        let mut members = Vec::new();
        for member in text.split('|') {
            members.extend(Relation::parse(member).map_err(|error| match error {
                RelationError::Empty(_) => RelationError::Empty(text.to_owned()),
                other => other,
            })?);
        }
        Ok(Self(members))
    }
}

impl FromStr for Relations {
    type Err = RelationError;

    /// Parses a relation field. It may end with a comma, as in debian/control. Relations for other
    /// architectures or for a build profile only are left out.
    fn from_str(text: &str) -> Result<Self, RelationError> {
        let text = text.trim_ascii();
        let text = text.strip_suffix(',').unwrap_or(text);
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let members = text.split(',').map(|member| match member.parse() {
            Err(RelationError::Empty(_)) => Err(RelationError::Empty(text.to_owned())),
            other => other,
        });
        let members: Vec<Alternatives> = members.collect::<Result<_, _>>()?;
        Ok(Self(members.into_iter().filter(|alternatives| !alternatives.0.is_empty()).collect()))
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        match &self.version {
            Some((comparison, version)) => write!(f, " ({} {version})", comparison.as_str()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(f, &self.0, " | ")
    }
}

impl fmt::Display for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(f, &self.0, ", ")
    }
}

fn write_joined<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in ["aa", "a1 (>= 1:2-3) | b1, python3:any (<< 4)", "libc6 (= 2.36-9)"] {
            assert_eq!(text.parse::<Relations>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn relations_that_dpkg_refuses_are_refused() {
        for bad in ["foo (>> 1, bar baz", "foo bar", "foo (1.0)", "foo,, bar", "foo | ", "foo (>= )", "foo (>= 1) x"] {
            assert!(bad.parse::<Relations>().is_err(), "{bad}");
        }
    }

    #[test]
    fn architecture_lists_are_for_amd64_and_profiles_are_not_active() {
        let relations: Relations = "aa [arm64], bb [amd64], cc [!amd64] | dd [linux-any], ee [!i386],".parse().unwrap();
        assert_eq!(relations.to_string(), "bb, dd, ee");
        let relations: Relations = "aa <nocheck>, bb (>= 1) [amd64] <a> <!b !c>, cc <!a b> | dd".parse().unwrap();
        assert_eq!(relations.to_string(), "bb (>= 1), dd");
    }
}
