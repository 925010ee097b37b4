//! The parts of the reference: a table is a [`Section`] of [`Key`]s, each with its type and with what holds without it. And the
//! types that several tables use.

/// The version that brought the keys of the first release.
pub(super) const FIRST_RELEASE: &str = "0.1.0";

/// A relation to other packages (Debian Policy 7.1).
pub(super) const RELATION: Form = Form { noun: "a relation", pattern: "^[^,]+$" };

/// A size with a unit of 1024 or its powers.
pub(super) const SIZE: Form = Form { noun: "a size", pattern: "^[0-9]+[kKmMgG]?$" };

/// A table of the file, or the file itself.
#[derive(Debug)]
pub struct Section {
    /// What the table is for: one or more paragraphs, separated by empty lines, with code in backquotes.
    pub meaning: &'static str,
    /// In the order in which the documents show them.
    pub keys: &'static [Key],
}

/// A key with everything that its description needs.
#[derive(Debug)]
pub struct Key {
    /// As it is written in the file: `max-body-size`.
    pub name: &'static str,
    /// What its value may be.
    pub kind: ValueKind,
    /// What holds when the key is not there.
    pub missing: Missing,
    /// In the same form as [`Section::meaning`].
    pub meaning: &'static str,
    /// TOML that can be pasted below the table's header. A table's example includes its header.
    pub example: &'static str,
    /// The first version of stackdeb that reads this key.
    pub since: &'static str,
}

/// The type of a value.
#[derive(Debug)]
pub enum ValueKind {
    Text(Form),
    /// A string that is usually one of a few words.
    Word(Words),
    /// A string that is one of a few words, or a table.
    WordOrTable(Words, &'static Section),
    /// A whole number, both ends included.
    Number {
        least: u16,
        most: u16,
    },
    /// `true` or `false`.
    Flag,
    /// A list of strings; `empty` says whether it may have no member.
    Texts {
        form: Form,
        empty: bool,
    },
    /// A list of strings, or this word in its place.
    TextsOrWord {
        form: Form,
        word: &'static str,
    },
    /// A date with time and offset from UTC (RFC 3339), without quotes.
    Date,
    /// A table whose keys are the user's own; each value is a string.
    Variables,
    Table(&'static Section),
    /// A table, or a list of tables of which the first is that table, and the further ones have keys of their own.
    TableOrTables {
        first: &'static Section,
        further: &'static Section,
    },
    /// A list of tables: `[[name]]`.
    Tables(&'static Section),
    /// Tables with names that are the user's own, each of which may have every key of the file, in the same tables.
    Variants {
        name: Form,
    },
    /// Tables with names that are the user's own: `[worker.mail]`.
    NamedTables {
        section: &'static Section,
        name: Form,
    },
}

/// What a string looks like.
#[derive(Debug)]
pub struct Form {
    /// A noun with its article: `a host name`.
    pub noun: &'static str,
    /// A regular expression of ECMA 262. It matches every text that the reader accepts; it also matches some that the
    /// reader refuses, because it knows neither files nor reserved names.
    pub pattern: &'static str,
}

/// A value that is one of a list of words.
#[derive(Debug)]
pub struct Words {
    /// A noun with its article: `a licence's short name`.
    pub noun: &'static str,
    /// All of them; where other words are allowed as well, the usual ones.
    pub known: fn() -> Vec<&'static str>,
    /// What other words look like (a regular expression of ECMA 262); `None` when there are no others.
    pub others: Option<&'static str>,
}

/// What holds when a key is not there.
#[derive(Debug)]
pub enum Missing {
    /// It has to be there.
    Refused,
    /// This text holds, as if it were written in the file.
    Text(&'static str),
    Number(u16),
    Texts(&'static [&'static str]),
    /// What happens then, as a phrase: `the package's name`.
    Described(&'static str),
}

impl Section {
    /// Finds a key by its name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// The value in its example; `None` when the example is not about the key. A table inside another one has a header with
    /// both names in its example, and no other key beside it.
    pub fn example_value(&self) -> Option<toml::Value> {
        let mut table: toml::Table = self.example.parse().ok()?;
        loop {
            if let Some(value) = table.remove(self.name) {
                return table.is_empty().then_some(value);
            }
            let (_, inner) = table.into_iter().next()?;
            table = match inner {
                toml::Value::Table(inner) => inner,
                _ => return None,
            };
        }
    }

    /// The table that the key stands for, if it stands for one or for a list of them.
    pub fn section(&self) -> Option<&'static Section> {
        match self.kind {
            ValueKind::Table(section)
            | ValueKind::Tables(section)
            | ValueKind::NamedTables { section, .. }
            | ValueKind::TableOrTables { first: section, .. }
            | ValueKind::WordOrTable(_, section) => Some(section),
            ValueKind::Text(_)
            | ValueKind::Word(_)
            | ValueKind::Number { .. }
            | ValueKind::Flag
            | ValueKind::Texts { .. }
            | ValueKind::TextsOrWord { .. }
            | ValueKind::Date
            | ValueKind::Variants { .. }
            | ValueKind::Variables => None,
        }
    }

    /// The table of the entries after the first one, where these have keys of their own.
    pub fn further_section(&self) -> Option<&'static Section> {
        match self.kind {
            ValueKind::TableOrTables { further, .. } => Some(further),
            _ => None,
        }
    }
}
