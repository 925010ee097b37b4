//! The reference of `stack.toml`: every table and every key, with its type, default, meaning and example.
//! The reader takes the examples, the ranges of numbers and the defaults from here. The JSON Schema
//! (`stackdeb schema`), docs/stack-toml.md and the man page stack.toml(5) are made from it. It reads
//! nothing, and is a tree of [`Section`]s.

mod app;
mod database;
mod further_file;
mod further_package;
mod health;
mod image;
mod key;
mod package;
mod process;
mod relations;
mod schema;
mod service;
mod site;
#[cfg(test)]
mod tests;

pub use key::{Form, Key, Missing, Section, ValueKind, Words};
pub(crate) use schema::json;
pub use schema::{SCHEMA_FILE, schema_text};

use self::key::FIRST_RELEASE;

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

/// What a worker or timer may be called.
const PROCESS_NAME: Form = Form { noun: "a name of a worker or a timer", pattern: "^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$" };

/// What a variant may be called.
const VARIANT_NAME: Form = Form { noun: "a name of a variant", pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$" };

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
            kind: ValueKind::Table(&app::APP),
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
            kind: ValueKind::Table(&database::DATABASE),
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
            kind: ValueKind::Table(&health::HEALTH),
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
