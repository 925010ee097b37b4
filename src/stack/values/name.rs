//! The package's name, which is also the name of the system user, the role, the units and the folders: so it has to be
//! a name for all of them, and not one that a server already has.

use miette::Diagnostic;

use super::reserved;
use crate::control::{NameError, PackageName};

/// The longest name of a system user: utmp(5) stores 32 bytes with a NUL.
const LONGEST_USER_NAME: usize = 31;

/// Why a name will not do for a stack.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum StackNameError {
    /// Not a Debian package name.
    #[error(transparent)]
    #[diagnostic(help("take a short name in lower-case letters, digits and `-`, such as `stack` or `guest-book`"))]
    Syntax(#[from] NameError),
    /// Good for a package, not for a user.
    #[error(
        "`{name}` has the character `{character}`, which the name of a system user can't have, and the app runs as the user of this name"
    )]
    #[diagnostic(help("use a-z, 0-9 and `-` only"))]
    NotAUser {
        /// The name.
        name: String,
        /// `+` or `.`.
        character: char,
    },
    /// A digit at the beginning.
    #[error(
        "`{0}` begins with a digit: the app runs as the system user of this name, and tools would take it for a user id"
    )]
    #[diagnostic(help("begin it with a letter"))]
    BeginsWithDigit(String),
    /// A hyphen at the end.
    #[error("`{0}` ends with `-`, which a host name can't, and the image gets its host name from the package")]
    #[diagnostic(help("end it with a letter or a digit"))]
    EndsWithHyphen(String),
    /// Too long for a user.
    #[error("`{0}` is too long: the app runs as the system user of this name, which may have 31 characters")]
    #[diagnostic(help("take a shorter name"))]
    TooLong(String),
    /// Somebody else's.
    #[error("`{name}` is {holder}, which the package's own user, units and folders of this name would clash with")]
    #[diagnostic(help("take a name of your own, such as `{name}-app`"))]
    Reserved {
        /// The name.
        name: String,
        /// Whose it is.
        holder: &'static str,
    },
}

/// A name for a stack (Debian Policy 5.6.7, sysusers.d(5)).
///
/// # Errors
/// When it is no name for a package, a system user or a host, or when a server already has it.
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
    if let Some(holder) = reserved::holder(text) {
        return Err(StackNameError::Reserved { name: text.to_owned(), holder });
    }
    Ok(name)
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
        for bad in bad.into_iter().chain(more) {
            assert!(stack_name(bad).is_err(), "{bad}");
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
