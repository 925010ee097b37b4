//! The names of instances. A label is also the instance's host name, so it must be valid as both.

use std::fmt;

use crate::linode::error::LinodeError;

/// How long a label is, in characters. A part of a host name has at most 63 (RFC 1035, 2.3.4).
const LENGTH: std::ops::RangeInclusive<usize> = 3..=63;

/// A label that Linode accepts for an instance, and that is a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceLabel(String);

impl InstanceLabel {
    /// # Errors
    /// When the text is not a label (Linode API, `^[a-zA-Z]((?!--|__|\.\.)[a-zA-Z0-9-_.])+$`), or not a host name.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        let of_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = LENGTH.contains(&text.len())
            && text.bytes().all(of_label)
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(LinodeError::argument(
            format!("`{text}` is not a valid label and host name for an instance"),
            "use 3 to 63 lower-case letters, digits and single hyphens, with a letter first and no hyphen last: --label \
             web-1",
        ))
    }

    /// `count` labels, `STEM-1` and so on, with the lowest numbers that no label in `taken` has.
    ///
    /// # Errors
    /// When `stem` with a number is not a label.
    pub fn numbered(stem: &str, count: usize, taken: &[&str]) -> Result<Vec<Self>, LinodeError> {
        let names = (1_u64..).map(|number| format!("{stem}-{number}"));
        names.filter(|name| !taken.contains(&name.as_str())).take(count).map(|name| Self::new(&name)).collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_host_name() {
        for good in ["web", "web-1", "a1b", &"a".repeat(63)] {
            assert_eq!(InstanceLabel::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "ab", "1ab", "web-", "a--b", "Web", "a_b", "a.b", "a b", "wéb", &"a".repeat(64)] {
            let error = InstanceLabel::new(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a valid label")), "{error}");
        }
    }

    #[test]
    fn numbers_that_are_free_are_taken() {
        let names = |count, taken: &[&str]| {
            let labels = InstanceLabel::numbered("web", count, taken).unwrap();
            labels.iter().map(InstanceLabel::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(2, &[]), ["web-1", "web-2"]);
        assert_eq!(names(2, &["web-1", "web-3", "other-2"]), ["web-2", "web-4"]);
        assert!(InstanceLabel::numbered("2nd", 1, &[]).is_err());
    }
}
