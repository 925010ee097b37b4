//! The reference of `stack.toml`: every table and every key, with its type, default, meaning and example.
//! The reader takes the examples, the ranges of numbers and the defaults from here. The JSON Schema
//! (`stackdeb schema`), docs/stack-toml.md and the man page stack.toml(5) are made from it. It reads
//! nothing, and is a tree of [`Section`]s.

mod further_file;
mod further_package;
mod image;
mod package;
mod process;
mod relations;
mod schema;
mod server;
mod service;
mod site;
#[cfg(test)]
mod tests;

pub(crate) use schema::json;
pub use schema::{SCHEMA_FILE, schema_text};

/// The files of a project that the examples name. Code that loads the examples makes these first; a Python file among them
/// needs the variables `app`, `application` and `create_app`, and a source of apt's what [`EXAMPLE_SOURCE`] has.
pub const EXAMPLE_FILES: [&str; 9] = [
    "Cargo.toml",
    "app/app.py",
    "app/wsgi.py",
    "src/app.py",
    "app/migrations/0001_first.sql",
    "requirements.txt",
    "LICENSE",
    "mirror.gpg",
    "repository/shop.sources",
];

/// What a file `.sources` of the examples has.
pub const EXAMPLE_SOURCE: &str = "\
Types: deb
URIs: https://packages.example.org
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 xjMEZ
 -----END PGP PUBLIC KEY BLOCK-----
";

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

/// A relation to other packages (Debian Policy 7.1).
const RELATION: Form = Form { noun: "a relation", pattern: "^[^,]+$" };

/// A size with a unit of 1024 or its powers.
const SIZE: Form = Form { noun: "a size", pattern: "^[0-9]+[kKmMgG]?$" };

/// What a worker or timer may be called.
const PROCESS_NAME: Form = Form { noun: "a name of a worker or a timer", pattern: "^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$" };

/// What a variant may be called.
const VARIANT_NAME: Form = Form { noun: "a name of a variant", pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$" };

/// The version that brought the keys of the first release.
const FIRST_RELEASE: &str = "0.1.0";

pub static DOCUMENT: Section = Section {
    meaning: "\
`stack.toml` describes a web application and the server that it runs on. It is a TOML file (version 1.0) in the folder of \
the project. Paths in it are relative to that folder.

Only `[package]` and one `[[changelog]]` entry are required. A key that is not known is a mistake, and so is a key that \
stands twice.",
    keys: &[
        Key {
            name: "package",
            kind: ValueKind::TableOrTables { first: &package::PACKAGE, further: &further_package::FURTHER_PACKAGE },
            missing: Missing::Refused,
            meaning: "\
What the Debian package says about itself. As `[[package]]`, it may stand several times: each entry after the first one is a \
further package.",
            example: "\
[package]
name = \"guest-book\"
maintainer = \"Jane Doe <jane@example.org>\"
summary = \"web application that counts visits\"
license = \"MIT\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "app",
            kind: ValueKind::Table(&server::APP),
            missing: Missing::Described("every key of the table has its default"),
            meaning: "The application: in Python, a program in any language, or files alone.",
            example: "[app]\ndepends = [\"python3-flask\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "worker",
            kind: ValueKind::NamedTables { section: &process::WORKER, name: PROCESS_NAME },
            missing: Missing::Described("nothing but the web server runs all the time"),
            meaning: "Programs that run all the time beside the web server.",
            example: "[worker.mail]\ncommand = \"celery -A app worker\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "timer",
            kind: ValueKind::NamedTables { section: &process::TIMER, name: PROCESS_NAME },
            missing: Missing::Described("nothing of the application runs at certain times"),
            meaning: "Programs that run at certain times.",
            example: "[timer.tidy]\ncommand = \"python3 tidy.py\"\nschedule = \"daily\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "site",
            kind: ValueKind::Table(&site::SITE),
            missing: Missing::Described("every key of the table has its default"),
            meaning: "The nginx site in front of the application.",
            example: "[site]\nserver-names = [\"www.example.org\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "database",
            kind: ValueKind::Table(&server::DATABASE),
            missing: Missing::Described("the application has no database, and PostgreSQL is not installed"),
            meaning: "The PostgreSQL database. The line `[database]` alone is enough to have one.",
            example: "[database]\nmigrations = \"migrations\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "service",
            kind: ValueKind::Table(&service::SERVICES),
            missing: Missing::Described("the application has no service beside its database"),
            meaning: "Services that the application uses.",
            example: "[service.valkey]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "health",
            kind: ValueKind::Table(&server::HEALTH),
            missing: Missing::Described("every key of the table has its default"),
            meaning: "The health check and its timer.",
            example: "[health]\ninterval = \"5min\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "file",
            kind: ValueKind::Tables(&further_file::FURTHER_FILE),
            missing: Missing::Described("the package has the application and what it needs"),
            meaning: "Files, empty folders and links that the package installs beside the application, one for each table.",
            example: "[[file]]\npath = \"/etc/guest-book/banner.txt\"\nsource = \"LICENSE\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "image",
            kind: ValueKind::Table(&image::IMAGE),
            missing: Missing::Described("every key of the table has its default"),
            meaning: "The disk image.",
            example: "[image]\nfree-space = \"500M\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "variant",
            kind: ValueKind::Variants { name: VARIANT_NAME },
            missing: Missing::Described("there is the stack alone"),
            meaning: "\
The same stack with other values, such as one for staging. Below `[variant.NAME]` stands any table and key of this file with \
the value that it has there: tables are merged with those of the stack, a list or another value replaces the stack's. What \
a variant does not name stays as it is; a key cannot be taken away.

`--variant NAME` chooses it, in every command that reads the file. `stackdeb check --variant NAME` shows what is different. \
What is built goes to `dist/NAME`, and at Linode its image, its instances and its firewall are kept apart from the others: \
their tag is `stack:PACKAGE@NAME`. `stackdeb lock --variant NAME` writes `stack.NAME.lock`; without that file, `stack.lock` \
holds for the variant too.

A name has 1 to 12 lower-case letters, digits and single hyphens. A mistake in a variant is found also when another one is \
built.",
            example: "[variant.staging.site]\nserver-names = [\"staging.example.org\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "changelog",
            kind: ValueKind::Tables(&package::CHANGELOG),
            missing: Missing::Refused,
            meaning: "One entry for each release, the newest first.",
            example: "\
[[changelog]]
version = \"1.0.0\"
date = 2026-11-23T10:00:00Z
changes = [\"First release.\"]",
            since: FIRST_RELEASE,
        },
    ],
};

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
