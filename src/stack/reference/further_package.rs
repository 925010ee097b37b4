//! The reference of the entries of `[[package]]` after the first one.

use super::key::{FIRST_RELEASE, Form, Key, Missing, RELATION, Section, ValueKind};
use super::package::{DESCRIPTION, HOMEPAGE, PRIORITY, SECTION, SUMMARY};
use super::relations;

pub(super) static FURTHER_PACKAGE: Section = Section {
    meaning: "\
Several packages from one file: `[[package]]` instead of `[package]`. The first entry is the stack's own package, with the \
keys above. Each further entry is another package, as a further paragraph `Package:` in debian/control is: the entries of \
`[[file]]` that name it are in it, and nothing else but its changelog and its copyright file.

Version, maintainer, licence and compression are those of the stack's own package. With a program or a library in machine code in \
it, a package is for the architecture of the stack (`amd64`) and depends on the libraries that it links; without one, it is for \
`all`. `stackdeb deb` writes all packages. An image has a further package only when the stack's own one depends on it, also through \
another, or when `[image] packages` names it.

In a variant, `[variant.NAME.package]` changes the stack's own package; `[[variant.NAME.package]]` replaces the whole list.",
    keys: &[
        Key {
            name: "name",
            kind: ValueKind::Text(Form { noun: "a package name", pattern: "^[a-z0-9][a-z0-9+.-]+$" }),
            missing: Missing::Refused,
            meaning: "\
The name of the package (Debian Policy 5.6.7). It cannot end with `-dbgsym`, as the packages with debugging data do.",
            example: "name = \"guest-book-tools\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "summary",
            kind: ValueKind::Text(SUMMARY),
            missing: Missing::Refused,
            meaning: "The first line of its description, by the same rules as that of the first package.",
            example: "summary = \"tools for the editors of the guest book\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "description",
            kind: ValueKind::Text(DESCRIPTION),
            missing: Missing::Described("a paragraph that names the stack that it belongs to"),
            meaning: "The rest of its description.",
            example: "description = \"They print the entries of a week, and remove some of them.\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "homepage",
            kind: ValueKind::Text(HOMEPAGE),
            missing: Missing::Described("that of the first package"),
            meaning: "Where this part of the project lives.",
            example: "homepage = \"https://example.org/guest-book/tools\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "section",
            kind: ValueKind::Word(SECTION),
            missing: Missing::Described("that of the first package"),
            meaning: "The section of the archive (Debian Policy 2.4).",
            example: "section = \"utils\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "priority",
            kind: ValueKind::Word(PRIORITY),
            missing: Missing::Described("that of the first package"),
            meaning: "The priority (Debian Policy 2.5).",
            example: "priority = \"optional\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "depends",
            kind: ValueKind::Texts { form: RELATION, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Packages that it depends on, one relation a string. `${binary:Version}` is the version of all packages of the stack, so that \
`guest-book (= ${binary:Version})` keeps the two together; it may stand in all relations of all packages.",
            example: "depends = [\"guest-book (= ${binary:Version})\", \"jq\"]",
            since: FIRST_RELEASE,
        },
        relations::PRE_DEPENDS,
        relations::RECOMMENDS,
        relations::SUGGESTS,
        relations::CONFLICTS,
        relations::BREAKS,
        relations::REPLACES,
        relations::PROVIDES,
    ],
};
