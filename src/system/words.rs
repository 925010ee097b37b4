//! Words that come from elsewhere (an answer of the API, a name in a package, the log of a machine) and go to a terminal.
//! Control characters are shown as what they are and do nothing. Secrets that this program knows are replaced.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// The secrets that are not shown.
static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on, [`shown`] and [`without_secrets`] replace this text. A text that is too short to be a secret is ignored:
/// it would be replaced inside of other words.
pub fn keep_secret(secret: &str) {
    const SHORTEST: usize = 4;
    let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= SHORTEST && !secrets.iter().any(|known| known == secret) {
        secrets.push(secret.to_owned());
        // A secret that is part of another one would leave the rest of it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

/// The text with each secret replaced by `[secret]`.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for secret in secrets.iter() {
        if text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), "[secret]"));
        }
    }
    text
}

/// The text as it may be written to a terminal: without secrets, and with control characters in the form `\u{1b}`.
/// Line breaks and tabs stay.
pub fn shown(text: &str) -> Cow<'_, str> {
    let text = without_secrets(text);
    if !text.chars().any(acts) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

/// As [`shown`], for JSON, which has a form of its own for these characters (`\u001b`): who parses it gets them back.
pub fn shown_in_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in without_secrets(json).chars() {
        if acts(character) {
            let mut units = [0; 2];
            shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// As [`shown`], for a text that this program has coloured: the sequences that set a colour (`ESC [ … m`) stay.
pub fn coloured(text: &str) -> String {
    let text = without_secrets(text);
    let mut result = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(character) = rest.chars().next() {
        let (piece, is_colour) = match colour(rest) {
            Some(length) => (rest.get(..length).unwrap_or_default(), true),
            None => (rest.get(..character.len_utf8()).unwrap_or_default(), false),
        };
        if is_colour || !acts(character) {
            result.push_str(piece)
        } else {
            result.extend(character.escape_unicode())
        }
        rest = rest.get(piece.len()..).unwrap_or_default();
    }
    result
}

/// The length of the sequence that sets a colour, if the text begins with one.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let rest = parameters.trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
    let rest = rest.strip_prefix('m')?;
    text.len().checked_sub(rest.len())
}

/// Whether a character does something to a terminal: control characters (Unicode's category Cc) but the line break and the
/// tab, and those that change the direction of the text (UAX 9, 2).
fn acts(character: char) -> bool {
    let direction =
        matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    direction || character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        // A new title, colours, a colour by an 8-bit control character, the cursor up, a line written over, text backwards.
        let hostile = "\x1b]0;owned\x07 \x1b[31mred \u{9b}31m \x1b[A\rok \u{202e}txt.exe";
        let expected = "\\u{1b}]0;owned\\u{7} \\u{1b}[31mred \\u{9b}31m \\u{1b}[A\\u{d}ok \\u{202e}txt.exe";
        assert_eq!(shown(hostile), expected);
        assert_eq!(shown("two\nlines\tand caf\u{e9} \u{1f600}"), "two\nlines\tand caf\u{e9} \u{1f600}");
    }

    #[test]
    fn what_acts_on_a_terminal_is_the_same_for_a_reader_of_json() {
        let hostile = "\x1b]0;owned\x07 \u{9b}31m \r\n\t \u{7f} \u{202e}txt.exe \u{1f600}";
        let json = shown_in_json(&serde_json::to_string(hostile).unwrap());
        assert_eq!(shown(&json), json);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn colours_of_this_program_stay() {
        let text = "\x1b[1;31mred\x1b[0m \x1b[2J \x1b[31 \x1b]0;x\x07";
        assert_eq!(coloured(text), "\x1b[1;31mred\x1b[0m \\u{1b}[2J \\u{1b}[31 \\u{1b}]0;x\\u{7}");
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands() {
        keep_secret("words-test-hunter2");
        keep_secret("words-test-hunter2-and-more");
        keep_secret("a");
        assert_eq!(shown("a words-test-hunter2 words-test-hunter2-and-more"), "a [secret] [secret]");
        assert_eq!(without_secrets("nothing"), "nothing");
    }
}
