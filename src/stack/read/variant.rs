//! The tables `[variant.NAME]`: each is laid over the document before that is read, so that a variant may change every key
//! and what it says is checked as the rest is. Each key and value keeps its place in the file.

use std::ops::Range;

use miette::Diagnostic;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::table::Table;
use crate::stack::problem::{ManifestPlace, Problems};
use crate::stack::reference::{DOCUMENT, Key, Missing, Section, ValueKind};
use crate::stack::values::name;
use crate::stack::variant::{Change, Old, Variant};

/// The key of the tables.
pub(super) const KEY: &str = "variant";

/// The only key whose value is a table, or a list of tables with that one first.
const FIRST_AND_FURTHER: &str = "package";

/// A variant inside a variant.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("a variant cannot have variants of its own")]
#[diagnostic(help("write both as tables of their own: [variant.staging] and [variant.test]"))]
struct Nested;

/// A document with a variant laid over it.
pub(super) struct Merged<'a> {
    pub(super) variant: Variant,
    pub(super) table: DeTable<'a>,
    /// Where the keys and values of the variant's own table stand.
    own: Vec<Range<usize>>,
}

/// Lays each variant over the document. A mistake about a variant's name or type is noted in `problems`.
pub(super) fn merge_all<'a>(entries: &'a DeTable<'a>, problems: &'a Problems) -> Vec<Merged<'a>> {
    let without = without_variants(entries);
    let mut document = Table::new(ManifestPlace { key: String::new(), span: 0..0 }, entries, &DOCUMENT, problems);
    let mut all = Vec::new();
    for (item, table) in document.named_tables(KEY) {
        let over = table.entries();
        let Some(name) = table.accept(item, name::variant_name) else { continue };
        for key in over.keys().filter(|key| key.get_ref() == KEY) {
            problems.add(&ManifestPlace { key: format!("{KEY}.{name}.{KEY}"), span: key.span() }, Nested);
        }
        let over = without_variants(over);
        let mut changes = Vec::new();
        compare(Some(&without), &over, "", Within::Section(&DOCUMENT), &mut changes);
        let mut own = Vec::new();
        spans(&over, &mut own);
        all.push(Merged { table: merge(&without, &over), variant: Variant { name, changes }, own });
    }
    all
}

/// The same without the key for variants.
fn without_variants<'a>(entries: &DeTable<'a>) -> DeTable<'a> {
    entries.iter().filter(|(key, _)| key.get_ref() != KEY).map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Merged<'_> {
    /// Moves the mistakes that were found in the merged document to `problems`, each with the key under which the user finds
    /// it. What is wrong without the variant as well is there already.
    pub(super) fn report(&self, found: Problems, problems: &Problems) {
        let name = &self.variant.name;
        problems.absorb(found, |ManifestPlace { key, span }| {
            let is_own = |own: &Range<usize>| !span.is_empty() && own.start <= span.start && span.end <= own.end;
            let key = match self.own.iter().any(is_own) {
                true => format!("{KEY}.{name}.{key}"),
                false => format!("{key} (with the variant {name})"),
            };
            ManifestPlace { key, span }
        });
    }
}

/// `base` with `over` laid over it: tables are merged, other values replaced. A table laid over a list of tables changes the
/// first of them: `[variant.NAME.package]` is about the stack's own package.
fn merge<'a>(base: &DeTable<'a>, over: &DeTable<'a>) -> DeTable<'a> {
    let mut merged = base.clone();
    for (key, value) in over {
        let value = match (base.get(key), value.get_ref()) {
            (Some(below), DeValue::Table(above)) => match below.get_ref() {
                DeValue::Table(table) => Spanned::new(below.span(), DeValue::Table(merge(table, above))),
                DeValue::Array(tables) => match first_of(tables) {
                    Some(table) if key.get_ref() == FIRST_AND_FURTHER => {
                        let mut tables = tables.clone();
                        if let Some(first) = tables.iter_mut().next() {
                            *first = Spanned::new(first.span(), DeValue::Table(merge(table, above)));
                        }
                        Spanned::new(below.span(), DeValue::Array(tables))
                    }
                    _ => value.clone(),
                },
                _ => value.clone(),
            },
            _ => value.clone(),
        };
        // The map would keep the old key, whose place is that of the old value.
        merged.remove(key);
        merged.insert(key.clone(), value);
    }
    merged
}

fn first_of<'a, 'b>(tables: &'b DeArray<'a>) -> Option<&'b DeTable<'a>> {
    tables.iter().next()?.get_ref().as_table()
}

/// Collects the places of all keys and values.
fn spans(table: &DeTable<'_>, all: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        all.extend([key.span(), value.span()]);
        if let DeValue::Table(inner) = value.get_ref() {
            spans(inner, all);
        }
    }
}

/// What the reference says about the keys of a table.
#[derive(Clone, Copy)]
enum Within {
    /// The keys are those of this section.
    Section(&'static Section),
    /// The keys are the user's own names, each of a table with the keys of this section.
    Names(&'static Section),
    /// The keys are the user's own names, each of a plain value.
    Unknown,
}

impl Within {
    fn key(self, name: &str) -> Option<&'static Key> {
        match self {
            Self::Section(section) => section.key(name),
            Self::Names(_) | Self::Unknown => None,
        }
    }

    fn below(self, name: &str) -> Self {
        match self {
            Self::Section(section) => match section.key(name).map(|key| &key.kind) {
                Some(
                    ValueKind::Table(section)
                    | ValueKind::TableOrTables { first: section, .. }
                    | ValueKind::WordOrTable(_, section),
                ) => Self::Section(section),
                Some(ValueKind::NamedTables { section, .. }) => Self::Names(section),
                _ => Self::Unknown,
            },
            Self::Names(section) => Self::Section(section),
            Self::Unknown => Self::Unknown,
        }
    }
}

/// Notes each key that `over` gives another value than `base`.
fn compare(base: Option<&DeTable<'_>>, over: &DeTable<'_>, path: &str, within: Within, changes: &mut Vec<Change>) {
    for (name, value) in over {
        let key = if path.is_empty() { name.get_ref().to_string() } else { format!("{path}.{}", name.get_ref()) };
        let old = base.and_then(|base| base.get(name)).map(Spanned::get_ref);
        match (value.get_ref(), old) {
            (DeValue::Table(above), Some(DeValue::Table(below))) => {
                compare(Some(below), above, &key, within.below(name.get_ref()), changes);
            }
            (DeValue::Table(above), Some(DeValue::Array(tables))) if key == FIRST_AND_FURTHER => {
                compare(first_of(tables), above, &key, within.below(name.get_ref()), changes);
            }
            (DeValue::Table(above), None) if !above.is_empty() => {
                compare(None, above, &key, within.below(name.get_ref()), changes);
            }
            (value, old) => {
                let new = owned(value);
                let old = match old.map(owned) {
                    Some(same) if same == new => continue,
                    Some(other) => Old::Written(other),
                    None => default(within.key(name.get_ref())),
                };
                changes.push(Change { key, old, new });
            }
        }
    }
}

fn default(key: Option<&'static Key>) -> Old {
    match key.map(|key| &key.missing) {
        Some(Missing::Text(text)) => Old::Default((*text).into()),
        Some(Missing::Number(number)) => Old::Default(i64::from(*number).into()),
        Some(Missing::Texts(texts)) => Old::Default(texts.to_vec().into()),
        _ => Old::Nothing,
    }
}

/// A value without its place. A number that is too large for any key keeps its text.
fn owned(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| integer.to_string().into(), toml::Value::Integer),
        DeValue::Float(float) => float.as_str().parse().map_or_else(|_| float.to_string().into(), toml::Value::Float),
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Datetime(date) => (*date).into(),
        DeValue::Array(values) => toml::Value::Array(values.iter().map(|value| owned(value.get_ref())).collect()),
        DeValue::Table(table) => toml::Value::Table(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), owned(value.get_ref()))).collect(),
        ),
    }
}
