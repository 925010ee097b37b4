//! What the machine writes on its serial console → what of it goes to the user's terminal. The image may have programs of
//! others, and none may act on that terminal: set its title, ask it for an answer, or write over what stackdeb has said.
//!
//! Sequences that set colours, move the cursor or clear parts of the screen are left out, as a boot has many of them. All
//! others, and control characters, are shown as what they are: `\u{1b}]0;title\u{7}`.

use std::io::{self, Write};
use std::str;

use crate::system::words::shown;

/// The longest parameters of a control sequence that is left out, in characters.
const LONGEST: usize = 32;

/// What ends a control sequence (ECMA-48, 8.3) that only changes how or where the next text is shown: the cursor (A to H, f,
/// d, s, u), erasing (J, K, P, X), lines and scrolling (L, M, S, T, r), insertion (@), modes (h, l) and colours (m).
const DISPLAY: &str = "ABCDEFGHfdsuJKPXLMSTr@hlm";

/// Escape sequences of two characters that do no more: cursor saved and restored, keypad, next line, reset.
const SHORT: &str = "78=>DEMc";

/// A terminal, or a file, that gets the text of a console.
pub struct Screen<W> {
    terminal: W,
    state: ScreenState,
    /// The first bytes of a character in UTF-8 whose other bytes have not arrived.
    bytes: Vec<u8>,
    /// Whether the line that is being written has no text yet.
    at_begin: bool,
}

/// Position in the text (ECMA-48, 5).
enum ScreenState {
    Text,
    /// After a carriage return, which begins a line again, or is the first half of its end.
    Return,
    /// The character ESC was the last one.
    Escape,
    /// After ESC and `(` or `)`, which choose a character set.
    Charset(char),
    /// After ESC and `[`, with what followed.
    Control(String),
}

impl<W: Write> Screen<W> {
    pub fn new(terminal: W) -> Self {
        Self { terminal, state: ScreenState::Text, bytes: Vec::new(), at_begin: true }
    }

    /// Appends what is to be seen of one character.
    fn take(&mut self, character: char, seen: &mut String) {
        let state = std::mem::replace(&mut self.state, ScreenState::Text);
        self.state = match (state, character) {
            (ScreenState::Text, '\x1b') => ScreenState::Escape,
            (ScreenState::Text, '\r') => ScreenState::Return,
            (ScreenState::Text, _) => {
                self.put(character, seen);
                ScreenState::Text
            }
            (ScreenState::Return, '\r') => ScreenState::Return,
            (ScreenState::Return, _) => {
                // After a carriage return the machine writes over its line. Here the new text becomes a line of its own.
                if character != '\n' && !self.at_begin {
                    self.put('\n', seen);
                }
                return self.take(character, seen);
            }
            (ScreenState::Escape, '[') => ScreenState::Control(String::new()),
            (ScreenState::Escape, '(' | ')') => ScreenState::Charset(character),
            (ScreenState::Escape, _) if SHORT.contains(character) => ScreenState::Text,
            (ScreenState::Escape, _) => return self.unknown("", character, seen),
            (ScreenState::Charset(_), 'A' | 'B' | '0') => ScreenState::Text,
            (ScreenState::Charset(which), _) => return self.unknown(&which.to_string(), character, seen),
            (ScreenState::Control(mut parameters), '\x20'..='\x3f') if parameters.len() < LONGEST => {
                parameters.push(character);
                ScreenState::Control(parameters)
            }
            (ScreenState::Control(_), _) if DISPLAY.contains(character) => ScreenState::Text,
            (ScreenState::Control(parameters), _) => return self.unknown(&format!("[{parameters}"), character, seen),
        };
    }

    /// Shows an unknown escape sequence as text, up to here, and goes on with the next character.
    fn unknown(&mut self, sequence: &str, next: char, seen: &mut String) {
        self.put('\x1b', seen);
        for character in sequence.chars() {
            self.put(character, seen);
        }
        self.take(next, seen);
    }

    fn put(&mut self, character: char, seen: &mut String) {
        self.at_begin = character == '\n';
        seen.push_str(&shown(character.encode_utf8(&mut [0; 4])));
    }

    /// Decodes UTF-8 as far as it is whole, and appends what is to be seen of it.
    fn decode(&mut self, seen: &mut String) {
        let bytes = std::mem::take(&mut self.bytes);
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.take(character, seen);
            }
            let invalid = chunk.invalid();
            let at_end = invalid.as_ptr_range().end == bytes.as_ptr_range().end;
            // The rest of this character may be in the next piece.
            if at_end && str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none()) {
                self.bytes = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, seen);
            }
        }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(piece);
        let mut seen = String::with_capacity(piece.len());
        self.decode(&mut seen);
        self.terminal.write_all(seen.as_bytes())?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen of pieces of a console.
    fn seen(pieces: &[&[u8]]) -> String {
        let mut terminal = Vec::new();
        let mut screen = Screen::new(&mut terminal);
        for piece in pieces {
            screen.write_all(piece).unwrap();
        }
        String::from_utf8(terminal).unwrap()
    }

    #[test]
    fn a_boot_can_be_read() {
        let boot = b"\x1b[2J\x1b[1;24HGNU GRUB\r\n\x1b[?7h\x1b[0m[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh\x1b[0m.\r\n\
            [*  ] A job\r\x1b[K[ * ] A job\r\r\n\r\x1b(B\x1b7login: caf\xc3\xa9";
        assert_eq!(seen(&[boot]), "GNU GRUB\n[  OK  ] Started ssh.\n[*  ] A job\n[ * ] A job\nlogin: caf\u{e9}");
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        // A title, as OSC and by its 8-bit form; questions that a terminal answers; text that it would send back; a bell; text
        // backwards; bytes that are no UTF-8.
        let hostile = b"\x1b]0;owned\x07 \xc2\x9d0;owned\xc2\x9c \x1b[6n \x1b[c \x1b[21t \x1bP$qm\x1b\\ \x08\x7f \xe2\x80\xae\xff\x9b6n";
        let expected = "\\u{1b}]0;owned\\u{7} \\u{9d}0;owned\\u{9c} \\u{1b}[6n \\u{1b}[c \\u{1b}[21t \\u{1b}P$qm\\u{1b}\\ \
            \\u{8}\\u{7f} \\u{202e}\u{fffd}\u{fffd}6n";
        assert_eq!(seen(&[hostile]), expected);
        // Wherever reads happen to end.
        let bytes: Vec<&[u8]> = hostile.chunks(1).collect();
        assert_eq!(seen(&bytes), expected);
        let long = [b"\x1b[".as_slice(), &[b'1'; 100], b"m"].concat();
        assert_eq!(seen(&[&long]), format!("\\u{{1b}}[{}m", "1".repeat(100)));
        assert_eq!(seen(&[b"a\x1b[3\x1b[6nb"]), "a\\u{1b}[3\\u{1b}[6nb");
    }
}
