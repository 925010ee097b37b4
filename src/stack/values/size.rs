//! Checks sizes such as `200M`.

use miette::Diagnostic;

/// The largest file system that Linode takes as an image, in bytes.
pub const LARGEST_IMAGE: u64 = 6 << 30;

/// Why a text is not a valid size.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum SizeError {
    #[error("`{0}` is not a size: write a whole number, alone or followed by `K`, `M` or `G`")]
    #[diagnostic(help("write it as \"10M\": K, M and G are 1024, 1024² and 1024³ bytes"))]
    Syntax(String),
    #[error("`{0}` does not fit: an image on Linode may have {gib} GiB in all", gib = LARGEST_IMAGE >> 30)]
    #[diagnostic(help(
        "a few hundred megabytes are enough: the file system grows to the size of the disk at the first boot"
    ))]
    TooLarge(String),
}

/// Reads a size in bytes; `None` when it has another form, or is 2⁶³ bytes or more.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        Some(digits) => (digits, unit(text.chars().last()?)?),
        None => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok())
}

fn unit(letter: char) -> Option<u64> {
    match letter.to_ascii_lowercase() {
        'k' => Some(1 << 10),
        'm' => Some(1 << 20),
        'g' => Some(1 << 30),
        _ => None,
    }
}

/// Checks a size as nginx writes it, and returns the same text.
pub fn body_size(text: &str) -> Result<String, SizeError> {
    bytes(text).map(|_| text.to_owned()).ok_or_else(|| SizeError::Syntax(text.escape_debug().to_string()))
}

/// Reads the free space of an image, in bytes.
pub fn free_space(text: &str) -> Result<u64, SizeError> {
    let bytes = bytes(text).ok_or_else(|| SizeError::Syntax(text.escape_debug().to_string()))?;
    if bytes >= LARGEST_IMAGE {
        return Err(SizeError::TooLarge(text.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        assert_eq!(free_space("200M").unwrap(), 200 * 1024 * 1024);
        assert_eq!(free_space("1g").unwrap(), 1024 * 1024 * 1024);
        assert_eq!(free_space("7").unwrap(), 7);
        for bad in ["", "M", "1T", "1.5M", "-1", "10 M", "10MB", "10m;", "99999999999999999999", "9000000000G", "²"] {
            assert!(free_space(bad).is_err() && body_size(bad).is_err(), "{bad}");
        }
        assert!(matches!(free_space("7G"), Err(SizeError::TooLarge(_))) && free_space("6G").is_err());
        assert!(body_size("7G").is_ok());
    }
}
