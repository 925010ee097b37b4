//! The name of an instance, which is its label in the account and its host name as well, so it has to be good for both.

use std::fmt;

/// How long a label is, in characters; a part of a host name has 63 at most (RFC 1035, 2.3.4).
const LENGTH: std::ops::RangeInclusive<usize> = 3..=63;

/// Why a text is no name for an instance.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum LabelError {
    /// Its form.
    #[error("`{0}` cannot be an instance's label and host name")]
    #[diagnostic(help(
        "take 3 to 63 lower-case letters, digits and single hyphens, a letter first and no hyphen last, with --label: \
         web-1"
    ))]
    Form(String),
    /// Another instance has it.
    #[error("the account has an instance {0} already, and labels are unique")]
    #[diagnostic(help(
        "choose another with --label, or none: the next free number is taken. `stackdeb instances` lists this stack's"
    ))]
    Taken(String),
}

/// A valid name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is no label (Linode API, `^[a-zA-Z]((?!--|__|\.\.)[a-zA-Z0-9-_.])+$`) or no host name.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let of_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = LENGTH.contains(&text.len())
            && text.bytes().all(of_label)
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        if good { Ok(Self(text.to_owned())) } else { Err(LabelError::Form(text.to_owned())) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// So many names that begin with `stem`, with the lowest numbers that no name in `taken` has.
///
/// # Errors
/// When `stem` and a number are no name.
pub fn numbered(stem: &str, count: usize, taken: &[&str]) -> Result<Vec<Label>, LabelError> {
    let names = (1_u64..).map(|number| format!("{stem}-{number}"));
    names.filter(|name| !taken.contains(&name.as_str())).take(count).map(|name| Label::new(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_host_name() {
        for good in ["web", "web-1", "a1b", &"a".repeat(63)] {
            assert!(Label::new(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "1ab", "web-", "a--b", "Web", "a_b", "a.b", "a b", "wéb", &"a".repeat(64)] {
            assert_eq!(Label::new(bad), Err(LabelError::Form(bad.to_owned())));
        }
    }

    #[test]
    fn numbers_that_are_free_are_taken() {
        let names = |count, taken: &[&str]| {
            numbered("web", count, taken).unwrap().iter().map(Label::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(2, &[]), ["web-1", "web-2"]);
        assert_eq!(names(2, &["web-1", "web-3", "other-2"]), ["web-2", "web-4"]);
    }
}
