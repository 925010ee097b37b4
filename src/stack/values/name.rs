//! Checks the package's name. The system user, the database role, the units and the folders have this name too, so it must
//! be valid for all of them, and no Debian server may use it already.

use miette::Diagnostic;

use super::reserved;
use crate::control::{NameError, PackageName};
use crate::stack::units;

/// The longest name of a system user, in bytes: utmp(5) stores 32 bytes with a NUL.
const LONGEST_USER_NAME: usize = 31;

/// Why a name is not valid for a stack.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum StackNameError {
    #[error(transparent)]
    #[diagnostic(help("choose a short name of lower-case letters, digits and `-`, such as `stack` or `guest-book`"))]
    Syntax(#[from] NameError),
    /// It is valid for a package, but not for a system user.
    #[error(
        "`{name}` has the character `{character}`. The app runs as the system user of this name, and a user's name cannot have it"
    )]
    #[diagnostic(help("use a-z, 0-9 and `-` only"))]
    NotAUser {
        name: String,
        /// The character that the name ends with: `+` or `.`.
        character: char,
    },
    #[error(
        "`{0}` begins with a digit. The app runs as the system user of this name, and programs would read it as a user's number"
    )]
    #[diagnostic(help("begin it with a letter"))]
    BeginsWithDigit(String),
    #[error("`{0}` ends with `-`. The image's host name is the package's name, and a host name cannot end with `-`")]
    #[diagnostic(help("end it with a letter or a digit"))]
    EndsWithHyphen(String),
    #[error("`{0}` is too long. The app runs as the system user of this name, which may have 31 characters at most")]
    #[diagnostic(help("choose a shorter name"))]
    TooLong(String),
    #[error("`{name}` ends with `{suffix}`, as the units of a stack `{}` do: the two could not be on one server", name.trim_end_matches(suffix))]
    #[diagnostic(help("choose another ending"))]
    OfAUnit { name: String, suffix: &'static str },
    #[error("`{name}` is {holder}. The package's user, units and folders would have the same name")]
    #[diagnostic(help("choose a name that is free, such as `{name}-app`"))]
    Reserved { name: String, holder: &'static str },
}

/// Checks the name of a stack (Debian Policy 5.6.7, sysusers.d(5)).
///
/// # Errors
/// When it is not valid for a package, a system user or a host, or when a Debian server uses it already.
pub fn stack_name(text: &str) -> Result<PackageName, StackNameError> {
    let name: PackageName = text.parse()?;
    if let Some(character) = text.chars().find(|&c| matches!(c, '+' | '.')) {
        return Err(StackNameError::NotAUser { name: text.to_owned(), character });
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(StackNameError::BeginsWithDigit(text.to_owned()));
    }
    if text.ends_with('-') {
        return Err(StackNameError::EndsWithHyphen(text.to_owned()));
    }
    if text.len() > LONGEST_USER_NAME {
        return Err(StackNameError::TooLong(text.to_owned()));
    }
    if let Some(suffix) = units::SUFFIXES.into_iter().find(|suffix| text.ends_with(suffix)) {
        return Err(StackNameError::OfAUnit { name: text.to_owned(), suffix });
    }
    if let Some(holder) = reserved::holder(text) {
        return Err(StackNameError::Reserved { name: text.to_owned(), holder });
    }
    Ok(name)
}

/// Why a name is not valid for a further package of a stack.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FurtherNameError {
    #[error(transparent)]
    #[diagnostic(help("write it as in Debian Policy 5.6.7, such as `guest-book-tools`"))]
    Syntax(#[from] NameError),
    #[error("`{0}` ends with `-dbgsym`, as the packages with debugging data do, which stackdeb makes by itself")]
    #[diagnostic(help("choose another ending"))]
    DebuggingData(String),
}

/// Checks the name of a further package (Debian Policy 5.6.7). No user and no unit has this name.
///
/// # Errors
/// When no package can have it, or the package with debugging data of another one may.
pub fn further_name(text: &str) -> Result<PackageName, FurtherNameError> {
    match text.ends_with("-dbgsym") {
        true => Err(FurtherNameError::DebuggingData(text.escape_debug().to_string())),
        false => Ok(text.parse()?),
    }
}

/// Why a name is not valid for a worker or a timer.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{0}` is not a name for a worker or a timer")]
#[diagnostic(help(
    "write 1 to 31 lower-case letters, digits and `-`, first a letter, and at the end no `-`: it becomes a part of a unit's name"
))]
pub struct ProcessNameError(String);

/// Checks the name of a worker or a timer.
///
/// # Errors
/// When it would not be a simple part of a unit's name.
pub fn process_name(text: &str) -> Result<String, ProcessNameError> {
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(in_name)
        && !text.ends_with('-')
        && text.len() <= LONGEST_USER_NAME;
    if good { Ok(text.to_owned()) } else { Err(ProcessNameError(text.escape_debug().to_string())) }
}

/// The longest name of a variant, in bytes. With the longest name of a package it is a tag of Linode's, which has 50 at most.
const LONGEST_VARIANT: usize = 12;

/// Why a name is not valid for a variant.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{0}` is not a name for a variant")]
#[diagnostic(help(
    "write 1 to {LONGEST_VARIANT} lower-case letters, digits and single `-`, first a letter, and at the end no `-`: it becomes a part of host names"
))]
pub struct VariantNameError(String);

/// Checks the name of a variant.
///
/// # Errors
/// When it would not be a simple part of a host name, or is too long.
pub fn variant_name(text: &str) -> Result<String, VariantNameError> {
    let good = text.len() <= LONGEST_VARIANT && !text.contains("--") && process_name(text).is_ok();
    if good { Ok(text.to_owned()) } else { Err(VariantNameError(text.escape_debug().to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_has_a_name_that_is_free() {
        for good in ["stack", "guest-book", "a1", "x23456789012345678901234567890a"] {
            assert!(stack_name(good).is_ok(), "{good}");
        }
        let bad = ["Stack", "a", "c++", "a.b", "0ad", "ab-", "x23456789012345678901234567890ab", "nginx", "root"];
        let more = ["systemd-networkd", "postgresql-17", "ssh", "www-data", "doc", "users", "public", "gunicorn"];
        let units = ["shop-health", "shop-database", "shop-health-alert", "debian", "adduser", "dhcpcd", "wtmp"];
        for bad in bad.into_iter().chain(more).chain(units) {
            assert!(stack_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_variant_has_a_short_name() {
        for good in ["staging", "a", "eu-west-1", "x23456789012"] {
            assert!(variant_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Staging", "1st", "a-", "a--b", "a_b", "a.b", "x234567890123"] {
            assert!(variant_name(bad).is_err(), "{bad}");
        }
    }

    /// Every name of a fresh Debian system's own files of users and groups is refused.
    #[test]
    fn every_user_and_group_of_debian_is_taken() {
        for file in ["/usr/share/base-passwd/passwd.master", "/usr/share/base-passwd/group.master"] {
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            for name in text.lines().filter_map(|line| line.split(':').next()) {
                assert!(stack_name(name).is_err(), "{name}");
            }
        }
    }
}
