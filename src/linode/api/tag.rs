//! Tags: what objects in the account are grouped and found by.

use std::fmt;

use serde::Serialize;

use crate::linode::error::Error;
use crate::stack::Stack;

/// How long a tag is, in characters (Linode API, `tags`).
const LENGTH: std::ops::RangeInclusive<usize> = 3..=100;

/// What the tag of a stack begins with.
const STACK: &str = "stack:";
/// What the tag of a version begins with.
const VERSION: &str = "version:";
/// What the tags begin with that say which data an instance has on its own disk.
const DATA: &str = "data:";
/// The tag of an instance until its deployment has come to its end.
const UNFINISHED: &str = "deploy:unfinished";

/// A tag that Linode accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// # Errors
    /// When the text is too short or too long, or has characters that a tag cannot have. A comma is one of them: Cloud
    /// Manager separates tags by it.
    pub fn new(text: &str) -> Result<Self, Error> {
        let good = LENGTH.contains(&text.chars().count())
            && text.trim() == text
            && !text.contains(|character: char| character == ',' || character.is_control());
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::argument(
            format!("`{text}` is not a valid tag"),
            "use 3 to 100 printable characters without a comma, and no space at either end: change that --tag",
        ))
    }

    /// The tag of everything that belongs to a stack.
    ///
    /// # Errors
    /// When the name of the stack's package is too long for a tag.
    pub fn of_stack(stack: &Stack) -> Result<Self, Error> {
        Self::new(&format!("{STACK}{}", stack.package.name))
    }

    /// The tag of an instance that runs this version of its stack.
    ///
    /// # Errors
    /// When the version has characters that a tag cannot have.
    pub fn of_version(version: &str) -> Result<Self, Error> {
        Self::new(&format!("{VERSION}{version}"))
    }

    /// The version in a list of tags as the API shows it.
    pub fn version_in(tags: &[String]) -> Option<&str> {
        tags.iter().find_map(|tag| tag.strip_prefix(VERSION))
    }

    /// A tag that says something about the data on an instance's own disk.
    ///
    /// # Errors
    /// When `what` has characters that a tag cannot have.
    pub fn of_data(what: &str) -> Result<Self, Error> {
        Self::new(&format!("{DATA}{what}"))
    }

    /// What a list of tags as the API shows it says about the data on the instance's own disk.
    pub fn data_in(tags: &[String]) -> impl Iterator<Item = &str> {
        tags.iter().filter_map(|tag| tag.strip_prefix(DATA))
    }

    /// The tag of an instance whose deployment has not come to its end.
    pub fn unfinished() -> Self {
        Self(UNFINISHED.to_owned())
    }

    /// Whether it is in a list of tags as the API shows it.
    pub fn is_in(&self, tags: &[String]) -> bool {
        tags.contains(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_api_s_form() {
        for good in ["web", "stack:shop", "größe 1", &"t".repeat(100)] {
            assert_eq!(Tag::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "ab", "a,b", " abc", "abc ", "a\tb", &"t".repeat(101)] {
            let error = Tag::new(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a valid tag")), "{error}");
        }
    }

    #[test]
    fn a_version_is_found_among_other_tags() {
        let tags = ["web", Tag::of_version("1.0+rc1").unwrap().as_str()].map(str::to_owned);
        assert_eq!(Tag::version_in(&tags), Some("1.0+rc1"));
        assert_eq!(Tag::version_in(&tags[..1]), None);
        assert!(Tag::new("web").unwrap().is_in(&tags) && !Tag::new("version").unwrap().is_in(&tags));
    }
}
