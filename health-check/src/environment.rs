//! Environment files (`EnvironmentFile=` in systemd.exec(5)): a text → its variables, as systemd reads them; and a value →
//! its place between double quotes.
//!
//! Scripts of root read the file of the app's environment with this, and take what they need. If systemd read it for them,
//! they would run with all of it: an `LD_LIBRARY_PATH` there would be root's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Names and values. Of several with one name, the last holds.
pub type Variables = BTreeMap<String, String>;

/// Reads a file, which need not exist.
///
/// # Errors
/// When it cannot be read. The error shows nothing of its content.
pub fn read(path: &Path) -> Result<Variables, String> {
    let refused = |why: &str| format!("cannot read {}: {why}", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Variables::new()),
        Err(error) => return Err(refused(&error.to_string())),
        Ok(file) if !file.is_file() => return Err(refused("it is not a file")),
        Ok(file) if file.len() > LONGEST => return Err(refused("it is longer than 1 MiB")),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| refused(&error.to_string()))?;
    // systemd uses nothing of a file that has a variable in another encoding.
    let text = String::from_utf8(bytes).map_err(|_| refused("its text is not UTF-8"))?;
    Ok(variables(&text))
}

/// Where a character of the text stands.
enum State {
    LineStart,
    Comment {
        escaped: bool,
    },
    Name,
    /// After the `=`, or after a closing quote.
    ValueStart,
    Value,
    ValueEscape,
    SingleQuotes,
    DoubleQuotes,
    DoubleQuotesEscape,
}

/// The variables of a text, by the rules of systemd.
fn variables(text: &str) -> Variables {
    let mut found = Variables::new();
    let (mut name, mut value) = (String::new(), String::new());
    // How much of the value is not blanks at its end. Quoted and escaped blanks count.
    let mut kept = 0;
    let mut state = State::LineStart;
    for character in text.chars() {
        let line_end = matches!(character, '\n' | '\r');
        let blank = line_end || matches!(character, ' ' | '\t');
        state = match state {
            State::LineStart if matches!(character, '#' | ';') => State::Comment { escaped: false },
            State::LineStart if blank => State::LineStart,
            State::Comment { escaped: false } if character == '\\' => State::Comment { escaped: true },
            State::Comment { .. } if line_end => State::LineStart,
            State::Comment { .. } => State::Comment { escaped: false },
            State::Name if line_end => {
                name.clear();
                State::LineStart
            }
            State::Name if character == '=' => State::ValueStart,
            State::LineStart | State::Name => {
                name.push(character);
                State::Name
            }
            State::ValueStart | State::Value if line_end => {
                value.truncate(kept);
                add(&mut found, &mut name, &mut value);
                kept = 0;
                State::LineStart
            }
            State::ValueStart if character == '\'' => State::SingleQuotes,
            State::ValueStart if character == '"' => State::DoubleQuotes,
            State::ValueStart | State::Value if character == '\\' => State::ValueEscape,
            State::ValueStart if blank => State::ValueStart,
            State::ValueStart | State::Value => {
                value.push(character);
                if !blank {
                    kept = value.len();
                }
                State::Value
            }
            State::ValueEscape => {
                // An escaped line end joins two lines.
                if !line_end {
                    value.push(character);
                }
                kept = value.len();
                State::Value
            }
            State::SingleQuotes if character == '\'' => State::ValueStart,
            State::DoubleQuotes if character == '"' => State::ValueStart,
            State::DoubleQuotes if character == '\\' => State::DoubleQuotesEscape,
            State::DoubleQuotesEscape => {
                if !matches!(character, '"' | '\\' | '`' | '$' | '\n') {
                    value.push('\\');
                }
                if character != '\n' {
                    value.push(character);
                }
                kept = value.len();
                State::DoubleQuotes
            }
            quotes @ (State::SingleQuotes | State::DoubleQuotes) => {
                value.push(character);
                kept = value.len();
                quotes
            }
        };
    }
    if !matches!(state, State::LineStart | State::Comment { .. } | State::Name) {
        value.truncate(kept);
        add(&mut found, &mut name, &mut value);
    }
    found
}

/// Adds a variable and empties both texts. A name that no variable may have is left out.
fn add(found: &mut Variables, name: &mut String, value: &mut String) {
    let (name, value) = (std::mem::take(name), std::mem::take(value));
    let name = name.trim_end_matches([' ', '\t']);
    let first_is_digit = name.starts_with(|first: char| first.is_ascii_digit());
    if !name.is_empty() && !first_is_digit && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        found.insert(name.to_owned(), value);
    }
}

/// Escapes the four characters that have a meaning between double quotes.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '"' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}
