//! The names of images in the account.

use std::path::Path;

use crate::linode::error::Error;

/// The longest label, in characters.
const LONGEST: usize = 50;

/// A label that Linode accepts for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLabel(String);

impl ImageLabel {
    /// # Errors
    /// When the text is empty or too long, or has characters that a label cannot have.
    pub fn new(text: &str) -> Result<Self, Error> {
        if (1..=LONGEST).contains(&text.chars().count()) && text.chars().all(is_of_label) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::argument(
            format!("`{text}` is not a valid image label"),
            "use 1 to 50 letters, digits, spaces and characters of `,.?-_'`: choose another label with --label",
        ))
    }

    /// The label of an image that was given none: the name of its file, with `-` for each character that a label cannot
    /// have.
    ///
    /// # Errors
    /// When the path ends in no name.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".img.gz").unwrap_or(&name);
        let label: String = name.chars().map(|c| if is_of_label(c) { c } else { '-' }).take(LONGEST).collect();
        Self::new(&label)
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
            ("stack-1.0~rc1+dfsg-linode.img.gz", "stack-1.0-rc1-dfsg-linode".to_owned()),
            (&format!("{}.img.gz", "x".repeat(80)), "x".repeat(50)),
        ] {
            assert_eq!(ImageLabel::of_file(Path::new(path)).unwrap().as_str(), label);
        }
        assert!(ImageLabel::of_file(Path::new("..")).is_err());
    }
}
