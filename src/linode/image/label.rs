//! The names of images in the account.

use std::path::Path;

use crate::linode::error::LinodeError;
use crate::system::hash::Sha256;

/// The longest label, in characters.
const LONGEST: usize = 50;
/// How many hexadecimal digits tell apart two names of files that would have one label. That two of a thousand names have
/// the same digits has a probability of 1 in 8,600.
const DIGITS: usize = 8;

/// A label that Linode accepts for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLabel(String);

impl ImageLabel {
    /// # Errors
    /// When the text is empty or too long, or has characters that a label cannot have.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        if (1..=LONGEST).contains(&text.chars().count()) && text.chars().all(is_of_label) {
            return Ok(Self(text.to_owned()));
        }
        Err(LinodeError::argument(
            format!("`{text}` is not a valid image label"),
            "use 1 to 50 letters, digits, spaces and characters of `,.?-_'`: choose another label with --label",
        ))
    }

    /// The label of an image that was given none: the name of its file, with `-` for each character that a label cannot
    /// have. Where something of the name is lost so, it ends with the first digits of the name's SHA-256, so that `1.0~rc1`
    /// and `1.0-rc1` have labels of their own.
    ///
    /// # Errors
    /// When the path ends in no name.
    pub fn of_file(path: &Path) -> Result<Self, LinodeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".img.gz").unwrap_or(&name);
        if name.is_empty() || Self::new(name).is_ok() {
            return Self::new(name);
        }
        let digest: String = Sha256::of(name.as_bytes()).to_string().chars().take(DIGITS).collect();
        let kept = name.chars().map(|c| if is_of_label(c) { c } else { '-' }).take(LONGEST - DIGITS - 1);
        Self::new(&format!("{}-{digest}", kept.collect::<String>()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What Linode's Cloud Manager allows. The API has refused other characters as "special".
fn is_of_label(character: char) -> bool {
    character.is_ascii_alphanumeric() || " ,.?-_'".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_the_api_s_form() {
        for good in ["x", "stack 1.0", "What's new?", &"x".repeat(50)] {
            assert_eq!(ImageLabel::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a\nb", "stück", &"x".repeat(51)] {
            let error = ImageLabel::new(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a valid image label")), "{error}");
        }
    }

    #[test]
    fn a_file_s_name_makes_a_label() {
        for (path, label) in [
            ("dist/stack-1.0.0-linode.img.gz", "stack-1.0.0-linode".to_owned()),
            ("dist/stack-1.0-rc1-linode.img.gz", "stack-1.0-rc1-linode".to_owned()),
            (&format!("{}.img.gz", "x".repeat(50)), "x".repeat(50)),
        ] {
            assert_eq!(ImageLabel::of_file(Path::new(path)).unwrap().as_str(), label);
        }
        assert!(ImageLabel::of_file(Path::new("..")).is_err());
    }

    #[test]
    fn two_versions_have_two_labels() {
        let long = "a-package-whose-name-is-as-long-as-its-version-1.0";
        let names = ["s-1.0~rc1", "s-1.0-rc1", "s-1.0+rc1", "s-1%3a1.0", "s-1-3a1.0"].map(str::to_owned);
        let names = names.into_iter().chain((1..4).map(|number| format!("{long}.{number}")));
        let labels: Vec<ImageLabel> =
            names.map(|name| ImageLabel::of_file(Path::new(&format!("{name}-linode.img.gz"))).unwrap()).collect();
        for (place, label) in labels.iter().enumerate() {
            assert!(!labels[..place].contains(label), "{labels:?}");
        }
        assert!(labels[0].as_str().starts_with("s-1.0-rc1-linode-"), "{labels:?}");
    }
}
