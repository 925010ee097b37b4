//! The reference of `[package]` and `[[changelog]]`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, RELATION, Section, ValueKind, Words};
use super::relations;
use crate::control::Priority;
use crate::stack::values::{license, text};

/// The usual forms of deb-version(7); the reader checks the rest.
const VERSION: Form = Form { noun: "a version (deb-version(7))", pattern: r"^([0-9]+:)?[0-9][0-9A-Za-z.+~-]*$" };

// What every package of a stack has in the same form.
pub(super) const SUMMARY: Form = Form { noun: "a phrase of one line", pattern: r"^\s*\S.{0,78}\S\s*$" };
pub(super) const DESCRIPTION: Form = Form { noun: "a text of one or more paragraphs", pattern: r"\S" };
pub(super) const HOMEPAGE: Form = Form { noun: "a web address", pattern: "^https?://[0-9A-Za-z]" };
pub(super) const SECTION: Words = Words {
    noun: "a section of Debian's archive",
    known: || text::SECTIONS.to_vec(),
    others: Some("^(contrib|non-free)/[a-z0-9-]+$"),
};
pub(super) const PRIORITY: Words =
    Words { noun: "a priority", known: || Priority::USABLE.map(Priority::as_str).to_vec(), others: None };

pub(super) static PACKAGE: Section = Section {
    meaning: "\
What the Debian package says about itself. Most keys become a field of its control file (deb-control(5)) or a part of its \
copyright file.",
    keys: &[
        Key {
            name: "name",
            kind: ValueKind::Text(Form { noun: "a package name", pattern: "^[a-z][a-z0-9-]{0,29}[a-z0-9]$" }),
            missing: Missing::Refused,
            meaning: "\
The name of the package. The systemd units, the system user, the database role and the folders in `/etc`, `/run`, \
`/var/lib` and `/var/log` have this name too.

2 to 31 characters: lower-case letters, digits and `-`. The first is a letter, the last is not `-`. A name that a Debian \
system already uses (such as `nginx` or `root`) is refused.",
            example: "name = \"guest-book\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "version",
            kind: ValueKind::Text(VERSION),
            missing: Missing::Described("the version of the newest `[[changelog]]` entry"),
            meaning: "The version of the package. It must be the version of the newest `[[changelog]]` entry.",
            example: "version = \"1.0.0\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "maintainer",
            kind: ValueKind::Text(Form { noun: "a name and an e-mail address", pattern: "^[^<>]*[^<>\\s][^<>]*<[^<>]+@[^<>]+>$" }),
            missing: Missing::Refused,
            meaning: "Who answers for the package: `NAME <ADDRESS>` (Debian Policy 5.6.2).",
            example: "maintainer = \"Jane Doe <jane@example.org>\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "summary",
            kind: ValueKind::Text(SUMMARY),
            missing: Missing::Refused,
            meaning: "\
The first line of the package's description (Debian Policy 3.4.1): two words or more, at most 80 characters. It does not \
begin with an article or with the package's name, and it has no full stop.",
            example: "summary = \"web application that counts visits\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "description",
            kind: ValueKind::Text(DESCRIPTION),
            missing: Missing::Described("a paragraph about the app, its database and its health check"),
            meaning: "\
The rest of the description (Debian Policy 3.4.2). Empty lines separate paragraphs. It may have no tabs, and its first \
line says something else than `summary`.",
            example: "description = \"\"\"\nVisitors sign their names.\n\nThe names are kept in PostgreSQL.\n\"\"\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "homepage",
            kind: ValueKind::Text(HOMEPAGE),
            missing: Missing::Described("the package names no homepage"),
            meaning: "\
Where the project lives. The units name it in `Documentation=`; without it they name the folder `/usr/share/doc/NAME`.",
            example: "homepage = \"https://example.org/guest-book\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "section",
            kind: ValueKind::Word(SECTION),
            missing: Missing::Text("web"),
            meaning: "The section of the archive (Debian Policy 2.4), also as `contrib/SECTION` or `non-free/SECTION`.",
            example: "section = \"web\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "priority",
            kind: ValueKind::Word(PRIORITY),
            missing: Missing::Text("optional"),
            meaning: "The priority (Debian Policy 2.5). For a web application it is `optional`.",
            example: "priority = \"optional\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "copyright",
            kind: ValueKind::Texts { form: Form { noun: "a line of text", pattern: r"\S" }, empty: false },
            missing: Missing::Described("the years of the oldest and the newest `[[changelog]]` entry, and the maintainer"),
            meaning: "Who holds the copyright, one line each, for `/usr/share/doc/NAME/copyright`.",
            example: "copyright = [\"2026 Jane Doe <jane@example.org>\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "license",
            kind: ValueKind::Word(Words {
                noun: "the short name of a licence",
                known: license::known_names,
                others: Some("^[0-9A-Za-z.+-]+$"),
            }),
            missing: Missing::Refused,
            meaning: "\
The licence, by its short name in Debian's machine-readable copyright files (DEP-5). SPDX names such as \
`GPL-3.0-or-later` are understood as well. For a licence that is not in the list, `license-file` has to give the text.",
            example: "license = \"MIT\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "license-file",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: "." }),
            missing: Missing::Described("the text that is known for `license`"),
            meaning: "A file with the text of the licence, in UTF-8.",
            example: "license-file = \"LICENSE\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "depends",
            kind: ValueKind::Texts { form: RELATION, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Packages that the package depends on (Debian Policy 7.1), one relation a string. What the stack itself needs (nginx, \
systemd, PostgreSQL and so on) is added without being named. The libraries of the code belong in `[app] depends`.",
            example: "depends = [\"imagemagick (>= 8:6.9)\", \"fonts-dejavu-core | fonts-liberation\"]",
            since: FIRST_RELEASE,
        },
        relations::PRE_DEPENDS,
        relations::RECOMMENDS,
        relations::SUGGESTS,
        relations::CONFLICTS,
        relations::BREAKS,
        relations::REPLACES,
        relations::PROVIDES,
        Key {
            name: "compression",
            kind: ValueKind::Word(Words {
                noun: "a compression",
                known: || text::COMPRESSIONS.to_vec(),
                others: None,
            }),
            missing: Missing::Text("xz"),
            meaning: "\
How the contents of the `.deb` file are compressed. `xz` gives the smallest file and is what Debian's archive uses; `zstd` \
is faster, but dpkg before Debian 12 cannot read it.",
            example: "compression = \"gzip\"",
            since: FIRST_RELEASE,
        },
    ],
};

pub(super) static CHANGELOG: Section = Section {
    meaning: "\
The releases, the newest first: each entry has a lower version and an earlier date than the one above it. At least one is \
required. They become the package's changelog. The date of the newest is the time of every file in the package, so that \
the same input gives the same bytes.",
    keys: &[
        Key {
            name: "version",
            kind: ValueKind::Text(VERSION),
            missing: Missing::Refused,
            meaning: "The version that was released.",
            example: "version = \"1.0.0\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "date",
            kind: ValueKind::Date,
            missing: Missing::Refused,
            meaning: "When it was released.",
            example: "date = 2026-11-23T10:00:00Z",
            since: FIRST_RELEASE,
        },
        Key {
            name: "changes",
            kind: ValueKind::Texts { form: Form { noun: "a sentence", pattern: r"\S" }, empty: false },
            missing: Missing::Refused,
            meaning: "What changed, one item a string.",
            example: "changes = [\"First release.\"]",
            since: FIRST_RELEASE,
        },
    ],
};
