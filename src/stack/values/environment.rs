//! Checks the names and values of environment variables. systemd reads them from a file (systemd.exec(5),
//! `EnvironmentFile=`), and drops the whole file when one value in it is not valid for it.

use miette::Diagnostic;

use super::python::is_identifier;

/// The longest argument or environment variable of a process, in bytes with a NUL at its
/// end: `MAX_ARG_STRLEN` of Linux (execve(2)).
const LONGEST_VARIABLE: usize = 128 * 1024;

/// The most that all variables of an app may have together, in bytes. Linux allows a quarter of the stack's limit for
/// arguments and environment, 2 MiB by default; systemd adds variables of its own.
const LONGEST_TOTAL: usize = 1024 * 1024;

/// Why a text is not valid as an environment variable.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum EnvironmentError {
    #[error("`{0}` is not a name for an environment variable")]
    #[diagnostic(help("write letters, digits and `_`, and no digit first: DATABASE_POOL_SIZE"))]
    Name(String),
    #[error("has {what} in it, U+{code:04X}, which systemd does not accept in an environment file", code = u32::from(*character))]
    #[diagnostic(help("{help}"))]
    Value {
        /// The character, by what it is called.
        what: &'static str,
        character: char,
        help: &'static str,
    },
    #[error("has {length} bytes with its name, and Linux gives a program at most {} in one variable", LONGEST_VARIABLE)]
    #[diagnostic(help("put it into a file of the app's folder, and read it from there"))]
    TooLong { length: usize },
    #[error("has {length} bytes in all its variables, and a program can be given about {LONGEST_TOTAL}")]
    #[diagnostic(help("put the longest values into files of the app's folder, and read them from there"))]
    TooMuch { length: usize },
}

/// Checks the name of an environment variable (POSIX, XBD 8.1).
///
/// # Errors
/// When it has other characters than letters, digits and `_`, or begins with a digit.
pub fn variable_name(text: &str) -> Result<String, EnvironmentError> {
    match is_identifier(text) {
        true => Ok(text.to_owned()),
        false => Err(EnvironmentError::Name(text.escape_debug().to_string())),
    }
}

/// Checks the value of an environment variable, which has to fit on one line of the environment file.
///
/// # Errors
/// When it has a control character other than a tab, or one that Unicode keeps for programs' own use: systemd takes that
/// one for an error in the encoding of the file.
pub fn variable_value(text: &str) -> Result<String, EnvironmentError> {
    let Some((what, character)) = text.chars().find_map(|c| Some((fault(c)?, c))) else {
        return Ok(text.to_owned());
    };
    let help = match character {
        '\n' | '\r' => "write the value on one line; an app may read `\\n` as a line break",
        _ => "leave the character out, or write it in another way, such as base64",
    };
    Err(EnvironmentError::Value { what, character, help })
}

/// What is wrong with a character, as a noun with its article. The rules are those
/// of systemd's `load_env_file` and `env_value_is_valid`.
fn fault(character: char) -> Option<&'static str> {
    match character {
        '\t' => None,
        '\n' | '\r' => Some("a line break"),
        '\0' => Some("a NUL"),
        _ if character.is_control() => Some("a control character"),
        '\u{FDD0}'..='\u{FDEF}' => Some("a noncharacter of Unicode"),
        _ if u32::from(character) & 0xFFFE == 0xFFFE => Some("a noncharacter of Unicode"),
        _ => None,
    }
}

/// Checks the length of one variable, with its name.
///
/// # Errors
/// When Linux would not start a program with it.
pub fn variable_length(name: &str, value: &str) -> Result<(), EnvironmentError> {
    let length = length_of(name, value);
    if length > LONGEST_VARIABLE { Err(EnvironmentError::TooLong { length }) } else { Ok(()) }
}

/// Checks the length of all variables together.
///
/// # Errors
/// When Linux would not start a program with them.
pub fn total_length(variables: &[(String, String)]) -> Result<(), EnvironmentError> {
    let length = variables.iter().map(|(name, value)| length_of(name, value)).fold(0, usize::saturating_add);
    if length > LONGEST_TOTAL { Err(EnvironmentError::TooMuch { length }) } else { Ok(()) }
}

/// The length of `NAME=VALUE` with the NUL at its end.
fn length_of(name: &str, value: &str) -> usize {
    name.len().saturating_add(value.len()).saturating_add("=".len()).saturating_add("\0".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stay_on_their_line() {
        for bad in ["", "1A", "A-B", "A B", "A=B", "A\n", "é"] {
            assert!(variable_name(bad).is_err(), "{bad:?}");
        }
        assert!(variable_value("a 'b' \"c\" $d é\t% \u{FFFD} \u{10FFFD}").is_ok());
        for bad in ["a\nB=c", "a\0", "a\r", "\u{1b}[0m", "\u{FDD0}", "\u{FFFE}", "\u{1FFFF}", "\u{7f}", "\u{85}"] {
            let error = variable_value(bad).unwrap_err().to_string();
            let character = bad.chars().find(|&c| fault(c).is_some()).unwrap();
            assert!(error.contains(&format!("U+{:04X}", u32::from(character))), "{error}");
        }
    }
}
