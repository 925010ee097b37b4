//! Reads a TOML table key by key. Every key that is asked for is a known key; [`Table::finish`] reports the others. A
//! value of the wrong type, a missing key and an unknown key are noted as problems, and reading goes on.

use std::ops::Range;

use miette::Diagnostic;
use toml::de::{DeArray, DeTable, DeValue};

use super::value::{Integer, TableOrTables, Value, with_article};
use crate::control::{Alternatives, Relations, Version};
use crate::stack::nearest::nearest;
use crate::stack::problem::{ManifestPlace, Problems};
use crate::stack::reference::{Key, Missing, Section, ValueKind};
use crate::stack::values::relations::{self, BadRelation};

/// A mistake about a key, or about its type.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum KeyError {
    #[error("there is no such key{}", suggestion.as_ref().map_or(String::new(), |known| format!(": did you mean `{known}`?")))]
    #[diagnostic(help("the keys here are: {known}"))]
    Unknown { suggestion: Option<&'static str>, known: String },
    #[error("is missing")]
    #[diagnostic(help("add it, for example:{}{example}", if example.contains('\n') { "\n" } else { " " }))]
    Missing { example: &'static str },
    #[error("is {found}, but must be {wanted}")]
    #[diagnostic(help("write it as {how}"))]
    WrongType { found: &'static str, wanted: &'static str, how: &'static str },
    #[error("{given} is not a whole number from {least} to {most}")]
    #[diagnostic(help("write a number in that range, or leave the key out: there is a default"))]
    OutOfRange { given: String, least: u16, most: u16 },
}

/// A value, with its place in the manifest.
pub(super) struct Item<T> {
    pub(super) value: T,
    pub(super) place: ManifestPlace,
}

/// What a key is that the reference does not have. A test compares the keys that are read with the reference.
static UNDESCRIBED: Key = Key {
    name: "",
    kind: ValueKind::Table(&Section { meaning: "", keys: &[] }),
    missing: Missing::Described(""),
    meaning: "",
    example: "",
    since: "",
};

/// A table that is being read.
pub(super) struct Table<'a> {
    place: ManifestPlace,
    entries: &'a DeTable<'a>,
    /// What the reference says about the table.
    section: &'static Section,
    asked: Vec<&'static str>,
    pub(super) problems: &'a Problems,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        place: ManifestPlace,
        entries: &'a DeTable<'a>,
        section: &'static Section,
        problems: &'a Problems,
    ) -> Self {
        Self { place, entries, section, asked: Vec::new(), problems }
    }

    /// The key and line in the manifest, for messages.
    pub(super) fn place(&self) -> &ManifestPlace {
        &self.place
    }

    /// All of its keys and values.
    pub(super) fn entries(&self) -> &'a DeTable<'a> {
        self.entries
    }

    /// Says that a key is known, which is read elsewhere.
    pub(super) fn is_read_elsewhere(&mut self, key: &'static str) {
        self.ask(key);
    }

    /// The place of a key's value, if the key is there.
    pub(super) fn place_if_there(&mut self, key: &'static str) -> Option<ManifestPlace> {
        self.ask(key);
        let (_, value) = self.entries.iter().find(|(known, _)| known.get_ref() == key)?;
        Some(self.place_of(key, value.span()))
    }

    /// What the reference says about a key.
    fn described(&self, key: &str) -> &'static Key {
        self.section.key(key).unwrap_or(&UNDESCRIBED)
    }

    /// The table inside this one that the reference describes under that key.
    fn section_of(&self, key: &str) -> &'static Section {
        self.described(key).section().unwrap_or(self.section)
    }

    /// The place of a key or a value in this table.
    fn place_of(&self, key: &str, span: Range<usize>) -> ManifestPlace {
        let key = if self.place.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.key) };
        ManifestPlace { key, span }
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    /// The value of a key. `None` when the key is not there, or when its value has another type, which
    /// is noted as a problem.
    pub(super) fn optional<T: Value<'a>>(&mut self, key: &'static str) -> Option<Item<T>> {
        self.ask(key);
        let (_, value) = self.entries.iter().find(|(known, _)| known.get_ref() == key)?;
        let place = self.place_of(key, value.span());
        self.typed(value.get_ref(), place)
    }

    /// As [`Table::optional`], but a missing key is a mistake.
    pub(super) fn required<T: Value<'a>>(&mut self, key: &'static str) -> Option<Item<T>> {
        if !self.entries.keys().any(|known| known.get_ref() == key) {
            self.ask(key);
            let place = self.place_of(key, self.place.span.clone());
            self.problems.add(&place, KeyError::Missing { example: self.described(key).example });
        }
        self.optional(key)
    }

    fn typed<T: Value<'a>>(&self, value: &'a DeValue<'a>, place: ManifestPlace) -> Option<Item<T>> {
        let typed = T::from_toml(value);
        if typed.is_none() {
            let found = with_article(value);
            self.problems.add(&place, KeyError::WrongType { found, wanted: T::WANTED, how: T::HOW });
        }
        typed.map(|value| Item { value, place })
    }

    /// Returns what `check` makes of a value. An error of the check is noted as a problem.
    pub(super) fn accept<T, U, E>(&self, item: Item<T>, check: impl FnOnce(T) -> Result<U, E>) -> Option<U>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        check(item.value).map_err(|mistake| self.problems.add(&item.place, mistake)).ok()
    }

    /// A checked string, if the key is there.
    pub(super) fn text<U, E>(&mut self, key: &'static str, check: impl FnOnce(&'a str) -> Result<U, E>) -> Option<U>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        let item = self.optional::<&str>(key)?;
        self.accept(item, check)
    }

    /// A checked string of a required key.
    pub(super) fn required_text<U, E>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(&'a str) -> Result<U, E>,
    ) -> Option<U>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        let item = self.required::<&str>(key)?;
        self.accept(item, check)
    }

    /// The string of a key, or the text that the reference names for a key that is not there.
    pub(super) fn text_or_default(&mut self, key: &'static str) -> Option<Item<&'a str>> {
        let default = match self.described(key).missing {
            Missing::Text(value) => Some(Item { value, place: self.place_of(key, self.place.span.clone()) }),
            _ => None,
        };
        self.optional::<&str>(key).or(default)
    }

    /// The same, checked. The default passes the same check as what a user writes.
    pub(super) fn checked_or_default<U, E>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(&'a str) -> Result<U, E>,
    ) -> Option<U>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        let item = self.text_or_default(key)?;
        self.accept(item, check)
    }

    /// A whole number within the range that the reference names; if the key is not there, the reference's default.
    pub(super) fn number(&mut self, key: &'static str) -> Option<u16> {
        let described = self.described(key);
        let (least, most) = match described.kind {
            ValueKind::Number { least, most } => (least, most),
            _ => (u16::MIN, u16::MAX),
        };
        let Some(item) = self.optional::<Integer<'_>>(key) else {
            return match described.missing {
                Missing::Number(number) => Some(number),
                _ => None,
            };
        };
        self.accept(item, |Integer(digits, radix)| {
            let number = u16::from_str_radix(digits, radix).ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| KeyError::OutOfRange { given: digits.to_owned(), least, most })
        })
    }

    /// `true` or `false`, if the key is there.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.optional::<bool>(key).map(|item| item.value)
    }

    /// A list of strings, each checked. If the key is not there, the reference's default; `None` when it has none.
    pub(super) fn checked_list<U, E>(
        &mut self,
        key: &'static str,
        check: impl Fn(&'a str) -> Result<U, E>,
    ) -> Option<Item<Vec<U>>>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        if let Some(array) = self.optional::<&DeArray<'_>>(key) {
            return Some(self.check_each(array, check));
        }
        let Missing::Texts(texts) = self.described(key).missing else { return None };
        let place = self.place_of(key, self.place.span.clone());
        let one = |text: &&'static str| self.accept(Item { value: *text, place: place.clone() }, &check);
        Some(Item { value: texts.iter().filter_map(one).collect(), place: place.clone() })
    }

    /// Whether the key has the word that may stand in place of a list.
    pub(super) fn has_word(&mut self, key: &'static str) -> bool {
        self.ask(key);
        let ValueKind::TextsOrWord { word, .. } = self.described(key).kind else { return false };
        let entry = self.entries.iter().find(|(known, _)| known.get_ref() == key);
        entry.is_some_and(|(_, value)| value.get_ref().as_str() == Some(word))
    }

    /// A list of strings of a required key, each checked.
    pub(super) fn required_checked_list<U, E>(
        &mut self,
        key: &'static str,
        check: impl Fn(&'a str) -> Result<U, E>,
    ) -> Option<Item<Vec<U>>>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        let array = self.required::<&DeArray<'_>>(key)?;
        Some(self.check_each(array, check))
    }

    fn check_each<U, E>(&self, array: Item<&'a DeArray<'a>>, check: impl Fn(&'a str) -> Result<U, E>) -> Item<Vec<U>>
    where
        E: Diagnostic + Send + Sync + 'static,
    {
        let one = |value: &'a toml::Spanned<DeValue<'a>>| {
            let place = ManifestPlace { key: array.place.key.clone(), span: value.span() };
            self.accept(self.typed::<&str>(value.get_ref(), place)?, &check)
        };
        Item { value: array.value.iter().filter_map(one).collect(), place: array.place.clone() }
    }

    /// A list of relations, one a string. A relation to the package `own` is a mistake.
    pub(super) fn relations(&mut self, key: &'static str, own: Option<&str>) -> Relations {
        self.relations_by(key, |text| relations::relation(text, own))
    }

    /// A list of relations, one a string, each read by `check`.
    pub(super) fn relations_by(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<Option<Alternatives>, BadRelation>,
    ) -> Relations {
        let members = self.checked_list(key, check);
        Relations(members.map_or_else(Vec::new, |members| members.value.into_iter().flatten().collect()))
    }

    /// The text of the key `name` with its place, whatever it is.
    pub(super) fn name_if_there(&mut self) -> Option<(String, ManifestPlace)> {
        let place = self.place_if_there("name")?;
        let name = self.entries.get("name")?.get_ref().as_str()?.to_owned();
        Some((name, place))
    }

    /// A table inside this one. When it is not there, `empty` is read in its place.
    pub(super) fn table_or(&mut self, key: &'static str, empty: &'a DeTable<'a>) -> Table<'a> {
        let section = self.section_of(key);
        self.table(key).unwrap_or_else(|| Table::new(self.place_of(key, 0..0), empty, section, self.problems))
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let Item { value, place } = self.optional::<&DeTable<'_>>(key)?;
        Some(Table::new(place, value, self.section_of(key), self.problems))
    }

    /// The table that is written instead of a word.
    pub(super) fn inner(&self, key: &'static str, item: Item<&'a DeTable<'a>>) -> Table<'a> {
        Table::new(item.place, item.value, self.section_of(key), self.problems)
    }

    /// The table of a required key, or the first one of the list in its place; and the further ones of that list, which have
    /// keys of their own.
    pub(super) fn first_and_further(&mut self, key: &'static str) -> (Option<Table<'a>>, Vec<Table<'a>>) {
        let Some(Item { value, place }) = self.required::<TableOrTables<'_>>(key) else { return (None, Vec::new()) };
        let array = match value {
            TableOrTables::One(table) => {
                return (Some(Table::new(place, table, self.section_of(key), self.problems)), Vec::new());
            }
            TableOrTables::Several(array) => array,
        };
        if array.is_empty() {
            self.problems.add(&place, KeyError::Missing { example: self.described(key).example });
        }
        let mut tables = self.tables_of(key, Some(Item { value: array, place })).into_iter();
        let first = tables.next();
        let section = self.described(key).further_section().unwrap_or(self.section);
        (first, tables.map(|table| Table { section, ..table }).collect())
    }

    /// The tables inside a table whose keys are the user's own, such as `[worker.mail]`, each with its name.
    pub(super) fn named_tables(&mut self, key: &'static str) -> Vec<(Item<&'a str>, Table<'a>)> {
        let Some(all) = self.optional::<&DeTable<'_>>(key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in all.value {
            let place = |span| ManifestPlace { key: format!("{}.{}", all.place.key, name.get_ref()), span };
            let named = Item { value: name.get_ref().as_ref(), place: place(name.span()) };
            if let Some(Item { value, place }) = self.typed::<&DeTable<'_>>(value.get_ref(), place(value.span())) {
                tables.push((named, Table::new(place, value, self.section_of(key), self.problems)));
            }
        }
        tables
    }

    /// The tables of a required array of tables.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let array = self.required::<&DeArray<'_>>(key);
        self.tables_of(key, array)
    }

    /// The tables of an array of tables; none when the key is not there.
    pub(super) fn optional_tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let array = self.optional::<&DeArray<'_>>(key);
        self.tables_of(key, array)
    }

    fn tables_of(&self, key: &'static str, array: Option<Item<&'a DeArray<'a>>>) -> Vec<Table<'a>> {
        let Some(array) = array else { return Vec::new() };
        let mut tables = Vec::new();
        for value in array.value {
            let place = ManifestPlace { key: array.place.key.clone(), span: value.span() };
            if let Some(Item { value, place }) = self.typed::<&DeTable<'_>>(value.get_ref(), place) {
                tables.push(Table::new(place, value, self.section_of(key), self.problems));
            }
        }
        tables
    }

    /// All keys with their strings, for a table whose keys are the user's own.
    pub(super) fn pairs(&self) -> Vec<(Item<&'a str>, Item<&'a str>)> {
        let pair = |(key, value): (&'a toml::Spanned<toml::de::DeString<'a>>, &'a toml::Spanned<DeValue<'a>>)| {
            let name = Item { value: key.get_ref().as_ref(), place: self.place_of(key.get_ref(), key.span()) };
            let place = self.place_of(key.get_ref(), value.span());
            Some((name, self.typed(value.get_ref(), place)?))
        };
        self.entries.iter().filter_map(pair).collect()
    }

    /// Ends the reading: notes every key that was not asked for as unknown.
    pub(super) fn finish(self) {
        for key in self.entries.keys() {
            let name = key.get_ref();
            if self.asked.iter().any(|known| known == name) {
                continue;
            }
            let suggestion = nearest(name, &self.asked);
            let known = self.asked.join(", ");
            self.problems.add(&self.place_of(name, key.span()), KeyError::Unknown { suggestion, known });
        }
    }

    /// A version and its place. The reference says whether it may be missing.
    pub(super) fn version(&mut self, key: &'static str) -> Option<Item<Version>> {
        let item = match self.described(key).missing {
            Missing::Refused => self.required::<&str>(key)?,
            _ => self.optional::<&str>(key)?,
        };
        let place = item.place.clone();
        Some(Item { value: self.accept(item, relations::version)?, place })
    }
}
