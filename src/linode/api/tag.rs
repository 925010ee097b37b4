//! Tags: what objects in the account are grouped and found by.

use std::fmt;

use serde::Serialize;

use crate::linode::error::LinodeError;
use crate::stack::Stack;

/// How long a tag of an instance or a firewall is, in characters: "Length must be 3-50 characters", says the API.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=50;
/// How long a tag of an image is (Linode API, `POST /images/upload`).
const IMAGE_LENGTH: std::ops::RangeInclusive<usize> = 3..=100;

/// What the tag of a stack begins with.
const STACK: &str = "stack:";
/// What the tag of a version begins with.
const VERSION: &str = "version:";
/// What the tags begin with that say which data an instance has on its own disk.
const DATA: &str = "data:";
/// The tag of an instance until its deployment is finished.
const UNFINISHED: &str = "deploy:unfinished";

/// A tag that Linode accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// A tag for an instance or a firewall.
    ///
    /// # Errors
    /// When the text is too short or too long, or has characters that a tag cannot have. A comma is one of them: Cloud
    /// Manager separates tags by it.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        Self::checked(text, &LENGTH).ok_or_else(|| {
            LinodeError::argument(
                format!("`{text}` is not a valid tag"),
                "use 3 to 50 printable characters without a comma, and no space at either end: change that --tag",
            )
        })
    }

    /// A tag for an image.
    ///
    /// # Errors
    /// As [`Tag::new`], but it may be longer.
    pub fn for_image(text: &str) -> Result<Self, LinodeError> {
        Self::checked(text, &IMAGE_LENGTH).ok_or_else(|| {
            LinodeError::argument(
                format!("`{text}` is not a valid tag"),
                "use 3 to 100 printable characters without a comma, and no space at either end: change that --tag",
            )
        })
    }

    fn checked(text: &str, length: &std::ops::RangeInclusive<usize>) -> Option<Self> {
        let good = length.contains(&text.chars().count())
            && text.trim() == text
            && !text.contains(|character: char| character == ',' || character.is_control());
        good.then(|| Self(text.to_owned()))
    }

    /// The tag of everything that belongs to a stack. What belongs to a variant has another one, so that neither
    /// is taken for the other.
    ///
    /// # Errors
    /// When the name of the stack's package is too long for a tag.
    pub fn of_stack(stack: &Stack) -> Result<Self, LinodeError> {
        let text = format!("{STACK}{}", stack.full_name());
        Self::checked(&text, &LENGTH).ok_or_else(|| {
            LinodeError::argument(
                format!("the tag `{text}`, by which the stack's instances are found, is longer than 50 characters"),
                "Linode takes no longer tag: choose a shorter name in [package]",
            )
        })
    }

    /// The tag of an instance that runs this version of its stack; `None` when the version is longer than a tag can be.
    pub fn of_version(version: &str) -> Option<Self> {
        Self::checked(&format!("{VERSION}{version}"), &LENGTH)
    }

    /// The version in a list of tags as the API shows it.
    pub fn version_in(tags: &[String]) -> Option<&str> {
        tags.iter().find_map(|tag| tag.strip_prefix(VERSION))
    }

    /// A tag that says something about the data on an instance's own disk.
    ///
    /// # Errors
    /// When `what` has characters that a tag cannot have.
    pub fn of_data(what: &str) -> Result<Self, LinodeError> {
        Self::new(&format!("{DATA}{what}"))
    }

    /// What a list of tags as the API shows it says about the data on the instance's own disk.
    pub fn data_in(tags: &[String]) -> impl Iterator<Item = &str> {
        tags.iter().filter_map(|tag| tag.strip_prefix(DATA))
    }

    /// The tag of an instance whose deployment is not finished.
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
        for good in ["web", "stack:shop", "größe 1", &"t".repeat(50)] {
            assert_eq!(Tag::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "ab", "a,b", " abc", "abc ", "a\tb", &"t".repeat(51)] {
            let error = Tag::new(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a valid tag")), "{error}");
        }
        assert!(Tag::for_image(&"t".repeat(100)).is_ok() && Tag::for_image(&"t".repeat(101)).is_err());
        assert_eq!(Tag::of_version(&"1".repeat(43)), None);
    }

    #[test]
    fn a_version_is_found_among_other_tags() {
        let tags = ["web", Tag::of_version("1.0+rc1").unwrap().as_str()].map(str::to_owned);
        assert_eq!(Tag::version_in(&tags), Some("1.0+rc1"));
        assert_eq!(Tag::version_in(&tags[..1]), None);
        assert!(Tag::new("web").unwrap().is_in(&tags) && !Tag::new("version").unwrap().is_in(&tags));
    }
}
