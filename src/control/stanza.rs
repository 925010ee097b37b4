//! Stanzas of control data: lines `Field: value`, and continuation lines that begin with a space or a tab (deb822(5)).

use std::fmt;
use std::io::{self, BufRead, Read};

/// The longest line, in bytes. The longest of Debian's archive, a list of dependencies, has 3 % of it.
const LONGEST_LINE: u64 = 1024 * 1024;

/// The longest stanza, in bytes. The longest are Release files, of less than 1 MB.
const LONGEST_STANZA: usize = 16 * 1024 * 1024;

/// The largest number of fields of a stanza. Each new field is compared with all others.
const MOST_FIELDS: usize = 1000;

/// One stanza. Its fields keep their order. Upper and lower case in field names make no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stanza {
    fields: Vec<(String, String)>,
}

/// Why a text is not control data.
#[derive(Debug, thiserror::Error)]
pub enum StanzaError {
    /// The source could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("line {line}: `{text}` is neither `Field: value` nor a continuation line")]
    BadLine {
        /// The number of the line, counted from 1.
        line: usize,
        /// The line as it was read.
        text: String,
    },
    /// More than this program keeps in memory.
    #[error("line {line}: {what}")]
    TooLong {
        /// The number of the line, counted from 1.
        line: usize,
        what: String,
    },
    #[error("line {line}: the stanza has the field `{field}` already")]
    Duplicate {
        /// The number of the line, counted from 1.
        line: usize,
        field: String,
    },
}

impl Stanza {
    /// Returns the value of a field. Its continuation lines are separated by `\n` and have lost their first character,
    /// which is the space or tab.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value.as_str())
    }

    /// Replaces the value of a field. If there is no such field, it is added at the end.
    pub fn set(&mut self, field: &str, value: impl Into<String>) {
        match self.fields.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(field)) {
            Some((_, old)) => *old = value.into(),
            None => self.fields.push((field.to_owned(), value.into())),
        }
    }

    /// All fields and their values, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Parses the first stanza of a text. Text after it is ignored; without any stanza, the result has no fields.
    ///
    /// # Errors
    /// When a line of the stanza is not control data.
    pub fn parse(text: &str) -> Result<Self, StanzaError> {
        Stanzas::new(text.as_bytes()).next().unwrap_or_else(|| Ok(Self::default()))
    }
}

impl fmt::Display for Stanza {
    /// Writes the stanza without the empty line after it. An empty continuation line is written as ` .`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.fields {
            for (index, line) in value.split('\n').enumerate() {
                match (index, line) {
                    (0, "") => writeln!(f, "{name}:")?,
                    (0, line) => writeln!(f, "{name}: {line}")?,
                    (_, "") => writeln!(f, " .")?,
                    (_, line) => writeln!(f, " {line}")?,
                }
            }
        }
        Ok(())
    }
}

/// Parses one stanza after the other; only one is in memory. Lines that begin with `#` are comments.
pub struct Stanzas<R> {
    source: R,
    line: usize,
}

impl<R: BufRead> Stanzas<R> {
    /// Bytes of `source` that are not valid UTF-8 are replaced with U+FFFD.
    pub fn new(source: R) -> Self {
        Self { source, line: 0 }
    }

    fn read_stanza(&mut self) -> Result<Option<Stanza>, StanzaError> {
        let mut stanza = Stanza::default();
        let (mut raw, mut length) = (Vec::new(), 0_usize);
        loop {
            raw.clear();
            let mut source = self.source.by_ref().take(LONGEST_LINE.saturating_add(1));
            if source.read_until(b'\n', &mut raw)? == 0 {
                break;
            }
            self.line = self.line.saturating_add(1);
            length = length.saturating_add(raw.len());
            self.limit(raw.len() as u64 > LONGEST_LINE, || format!("the line has more than {LONGEST_LINE} bytes"))?;
            self.limit(length > LONGEST_STANZA, || format!("the stanza has more than {} MiB", LONGEST_STANZA >> 20))?;
            let text = String::from_utf8_lossy(&raw);
            let text = text.trim_ascii_end();
            if text.is_empty() {
                if stanza.fields.is_empty() {
                    continue;
                }
                break;
            }
            if !text.starts_with('#') {
                self.add_line(&mut stanza, text)?;
            }
        }
        Ok(Some(stanza).filter(|stanza| !stanza.fields.is_empty()))
    }

    fn limit(&self, exceeded: bool, what: impl Fn() -> String) -> Result<(), StanzaError> {
        if exceeded { Err(StanzaError::TooLong { line: self.line, what: what() }) } else { Ok(()) }
    }

    fn add_line(&self, stanza: &mut Stanza, text: &str) -> Result<(), StanzaError> {
        let bad = || StanzaError::BadLine { line: self.line, text: text.to_owned() };
        if let Some(continued) = text.strip_prefix([' ', '\t']) {
            let (_, value) = stanza.fields.last_mut().ok_or_else(bad)?;
            value.push('\n');
            value.push_str(if continued == "." { "" } else { continued });
            return Ok(());
        }
        let (name, value) = text.split_once(':').ok_or_else(bad)?;
        // Printable ASCII (Debian Policy 5.1).
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad());
        }
        let full = stanza.fields.len() >= MOST_FIELDS;
        self.limit(full, || format!("the stanza has more than {MOST_FIELDS} fields"))?;
        if stanza.get(name).is_some() {
            return Err(StanzaError::Duplicate { line: self.line, field: name.to_owned() });
        }
        stanza.fields.push((name.to_owned(), value.trim_ascii().to_owned()));
        Ok(())
    }
}

impl<R: BufRead> Iterator for Stanzas<R> {
    type Item = Result<Stanza, StanzaError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_stanza().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_is_written_as_it_was_read() {
        let text = "Package: aa\nDescription: one\n two\n .\n three\n\n\n# a comment\nPackage: bb\n";
        let stanzas: Vec<Stanza> = Stanzas::new(text.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(stanzas[0].get("description"), Some("one\ntwo\n\nthree"));
        assert_eq!(stanzas[0].to_string(), "Package: aa\nDescription: one\n two\n .\n three\n");
        assert_eq!(stanzas[1].get("Package"), Some("bb"));
        assert_eq!(stanzas.len(), 2);
    }

    /// A mirror or a package may send gigabytes without a line break.
    #[test]
    fn what_is_too_long_is_refused_before_it_is_in_memory() {
        let endless = || io::BufReader::new(io::repeat(b'x'));
        let line = Stanzas::new(endless()).next().unwrap().unwrap_err().to_string();
        assert_eq!(line, "line 1: the line has more than 1048576 bytes");
        let lines = "Field: x\n".to_owned() + &" y\n".repeat(LONGEST_STANZA / 2);
        assert!(Stanza::parse(&lines).unwrap_err().to_string().contains("more than 16 MiB"));
        let fields: String = (0..=MOST_FIELDS).map(|number| format!("F{number}: x\n")).collect();
        assert!(Stanza::parse(&fields).unwrap_err().to_string().contains("more than 1000 fields"));
    }

    #[test]
    fn a_line_that_is_not_control_data_is_named() {
        for (text, line) in
            [("a b\n", "line 1"), ("A: b\nA: c\n", "line 2"), (" x\n", "line 1"), ("A: b\n: c\n", "line 2")]
        {
            let error = Stanza::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(line), "{error}");
        }
    }
}
