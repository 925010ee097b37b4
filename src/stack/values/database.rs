//! Checks the name of the database.

use miette::Diagnostic;

/// The longest identifier of PostgreSQL, in bytes (`NAMEDATALEN` minus one).
const LONGEST_IDENTIFIER: usize = 63;

/// Why a text is not valid as a database's name.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DatabaseNameError {
    #[error("`{0}` is not a database name: it begins with a letter or `_`, and goes on with a-z, 0-9, `_` and `-`")]
    #[diagnostic(help("write it as \"guest_book\", or leave the key out: the database then has the package's name"))]
    Syntax(String),
    #[error("`{0}` is too long: PostgreSQL cuts names off after 63 bytes")]
    #[diagnostic(help("choose a shorter name"))]
    TooLong(String),
    #[error("`{0}` is one of PostgreSQL's own databases")]
    #[diagnostic(help("choose another name, or leave the key out: the database then has the package's name"))]
    Reserved(String),
}

pub fn database_name(text: &str) -> Result<String, DatabaseNameError> {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !first || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-') {
        return Err(DatabaseNameError::Syntax(text.escape_debug().to_string()));
    }
    if text.len() > LONGEST_IDENTIFIER {
        return Err(DatabaseNameError::TooLong(text.to_owned()));
    }
    if matches!(text, "postgres" | "template0" | "template1") {
        return Err(DatabaseNameError::Reserved(text.to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_a_name_of_its_own() {
        let longest = "a".repeat(63);
        for good in ["stack", "guest_book", "_a", "a-1", &longest] {
            assert!(database_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "1a", "A", "a b", "a'b", "a\"b", "a;b", "a\n", "é", "postgres", "template1", &long] {
            assert!(database_name(bad).is_err(), "{bad:?}");
        }
    }
}
