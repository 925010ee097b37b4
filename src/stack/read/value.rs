//! The types that a key's value may have: a value of TOML → a value of Rust, or nothing, with the words for what was found and
//! what is wanted.

use toml::de::{DeArray, DeTable, DeValue};
use toml::value::Datetime;

/// A type that a key's value may have.
pub(super) trait Value<'a>: Sized {
    const WANTED: &'static str;
    const HOW: &'static str;
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self>;
}

impl<'a> Value<'a> for &'a str {
    const WANTED: &'static str = "a string";
    const HOW: &'static str = "text in quotes: \"…\"";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_str()
    }
}

impl<'a> Value<'a> for &'a DeArray<'a> {
    const WANTED: &'static str = "a list";
    const HOW: &'static str = "a list in brackets: [\"…\", \"…\"]";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_array()
    }
}

impl<'a> Value<'a> for &'a DeTable<'a> {
    const WANTED: &'static str = "a table";
    const HOW: &'static str = "a line with its name in brackets, and its keys below that line";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_table()
    }
}

impl<'a> Value<'a> for &'a Datetime {
    const WANTED: &'static str = "a date with time and offset";
    const HOW: &'static str = "a date and time without quotes: 2026-11-23T10:00:00Z";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_datetime()
    }
}

impl<'a> Value<'a> for bool {
    const WANTED: &'static str = "`true` or `false`";
    const HOW: &'static str = "one of the two, without quotes: true";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_bool()
    }
}

/// A word, or a table in its place.
pub(super) enum WordOrTable<'a> {
    Word(&'a str),
    Table(&'a DeTable<'a>),
}

impl<'a> Value<'a> for WordOrTable<'a> {
    const WANTED: &'static str = "a string or a table";
    const HOW: &'static str = "a word in quotes, or a table: { … = \"…\" }";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_str().map(Self::Word).or_else(|| value.as_table().map(Self::Table))
    }
}

/// A table, or a list of tables in its place.
pub(super) enum TableOrTables<'a> {
    One(&'a DeTable<'a>),
    Several(&'a DeArray<'a>),
}

impl<'a> Value<'a> for TableOrTables<'a> {
    const WANTED: &'static str = "a table or a list of tables";
    const HOW: &'static str = "a line with its name in brackets, or in double brackets for each of several";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_table().map(Self::One).or_else(|| value.as_array().map(Self::Several))
    }
}

/// An integer as it is written: its digits, and their base.
pub(super) struct Integer<'a>(pub(super) &'a str, pub(super) u32);

impl<'a> Value<'a> for Integer<'a> {
    const WANTED: &'static str = "a whole number";
    const HOW: &'static str = "a number without quotes and without a point";
    fn from_toml(value: &'a DeValue<'a>) -> Option<Self> {
        value.as_integer().map(|integer| Self(integer.as_str(), integer.radix()))
    }
}

/// What a value is, in words.
pub(super) fn with_article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
