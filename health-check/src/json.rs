//! A small JSON writer (RFC 8259): keys and values come in, in the order in which they are to stand; text goes out.

use std::fmt::Write;

/// A value of the state file.
pub enum Value {
    Null,
    Bool(bool),
    /// A whole number.
    Integer(u64),
    /// A number with the given count of decimals; not finite ones become null.
    Decimal(f64, usize),
    Text(String),
    List(Vec<Value>),
    /// Keys and values, written in this order.
    Object(Vec<(&'static str, Value)>),
}

impl Value {
    /// The text of the value, on several lines, with a line feed at its end.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => _ = write!(out, "{value}"),
            Self::Decimal(value, decimals) if value.is_finite() => _ = write!(out, "{value:.decimals$}"),
            Self::Decimal(..) => out.push_str("null"),
            Self::Text(text) => write_text(out, text),
            Self::List(values) => {
                write_members(out, depth, ['[', ']'], values, |out, value| value.write(out, depth + 1));
            }
            Self::Object(members) => write_members(out, depth, ['{', '}'], members, |out, (key, value)| {
                write_text(out, key);
                out.push_str(": ");
                value.write(out, depth + 1);
            }),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

fn write_members<T>(
    out: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    members: &[T],
    write: impl Fn(&mut String, &T),
) {
    out.push(open);
    for (index, member) in members.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        write(out, member);
    }
    if !members.is_empty() {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(close);
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' | '\u{7f}' => _ = write!(out, "\\u{:04x}", u32::from(character)),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reader_reads_back_what_was_written() {
        let text: String = (0..0x250).filter_map(char::from_u32).chain("\u{2028}\u{1f600}\\\"".chars()).collect();
        let value = Value::Object(vec![
            ("text", Value::Text(text.clone())),
            ("list", Value::List(vec![Value::Null, Value::Bool(true), Value::Integer(u64::MAX), Value::List(vec![])])),
            ("number", Value::Decimal(41.6549, 1)),
            ("none", Value::Decimal(f64::NAN, 1)),
            ("empty", Value::Object(vec![])),
        ]);
        let read: serde_json::Value = serde_json::from_str(&value.to_text()).unwrap();
        let expected = serde_json::json!({
            "text": text, "list": [null, true, u64::MAX, []], "number": 41.7, "none": null, "empty": {}
        });
        assert_eq!(read, expected);
    }
}
