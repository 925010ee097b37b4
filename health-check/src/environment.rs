//! Environment files (`EnvironmentFile=` in systemd.exec(5)): a text → its variables, as systemd reads them; and a variable →
//! a line of such a file.
//!
//! Scripts of root read the file of the app's environment with this, and take what they need. If systemd read it for them,
//! they would run with all of it: an `LD_LIBRARY_PATH` there would be root's.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::Chars;

use crate::input;

/// Names and values. Of several with one name, the last holds.
pub type Variables = BTreeMap<String, String>;

/// Reads a file, which need not exist.
///
/// # Errors
/// When it cannot be read: systemd uses nothing of a file that is not UTF-8. The error shows nothing of its content.
pub fn read(path: &Path) -> Result<Variables, String> {
    let text = input::read(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    Ok(variables(&text))
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

fn is_blank(character: char) -> bool {
    is_line_end(character) || matches!(character, ' ' | '\t')
}

/// The variables of a text, by the rules of systemd.
fn variables(text: &str) -> Variables {
    let mut found = Variables::new();
    let mut rest = text.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let line_end = rest.find(is_line_end).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(line_end).unwrap_or_default();
        rest = match line.split_once('=').filter(|_| !line.starts_with(['#', ';', '='])) {
            None => after,
            Some((name, _)) => {
                let mut characters = rest.chars();
                characters.by_ref().find(|character| *character == '=');
                let value = value(&mut characters);
                let name = name.trim_end_matches(is_blank);
                if is_name(name) {
                    found.insert(name.to_owned(), value);
                }
                characters.as_str()
            }
        };
        rest = rest.trim_start_matches(is_blank);
    }
    found
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && !text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(allowed)
}

/// Reads a value up to the end of its line.
fn value(rest: &mut Chars<'_>) -> String {
    let mut value = String::new();
    // How much of the value is not blanks at its end. Quoted and escaped blanks count.
    let mut kept = 0;
    // After the `=`, or after a closing quote: only there a quote begins a quoted part, and blanks are left out.
    let mut at_start = true;
    while let Some(character) = rest.next() {
        match character {
            '\'' if at_start => value.extend(rest.by_ref().take_while(|character| *character != '\'')),
            '"' if at_start => double_quoted(rest, &mut value),
            // An escaped line end joins two lines.
            '\\' => {
                value.extend(rest.next().filter(|escaped| !is_line_end(*escaped)));
                at_start = false;
            }
            end if is_line_end(end) => break,
            blank if is_blank(blank) => {
                value.extend((!at_start).then_some(blank));
                continue;
            }
            other => {
                value.push(other);
                at_start = false;
            }
        }
        kept = value.len();
    }
    value.truncate(kept);
    value
}

/// Reads up to the closing quote.
fn double_quoted(rest: &mut Chars<'_>, value: &mut String) {
    while let Some(character) = rest.next() {
        match character {
            '"' => return,
            '\\' => match rest.next() {
                None | Some('\n') => {}
                Some(escaped @ ('"' | '\\' | '`' | '$')) => value.push(escaped),
                Some(other) => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
}

/// A variable as a line of an environment file, which a shell reads as systemd does.
pub fn line(name: &str, value: &str) -> String {
    let mut line = format!("{name}=\"");
    for character in value.chars() {
        // These four have a meaning between double quotes.
        if matches!(character, '\\' | '"' | '$' | '`') {
            line.push('\\');
        }
        line.push(character);
    }
    line + "\"\n"
}
