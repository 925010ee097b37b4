//! The reference of `[database]`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, Section, ValueKind};

pub(super) static DATABASE: Section = Section {
    meaning: "\
A database in the PostgreSQL of the same machine. The application reaches it over a Unix socket as the role of the \
package's name, without a password. A `DATABASE_URL` in `/etc/NAME/NAME.env` takes its place with a database on another \
server.",
    keys: &[
        Key {
            name: "name",
            kind: ValueKind::Text(Form { noun: "a database name", pattern: "^[a-z_][a-z0-9_-]{0,62}$" }),
            missing: Missing::Described("the package's name"),
            meaning: "\
The name of the database: at most 63 characters, lower-case letters, digits, `_` and `-`, first a letter or `_`. \
`postgres`, `template0` and `template1` are refused: they belong to PostgreSQL.",
            example: "name = \"guest_book\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "migrations",
            kind: ValueKind::Text(Form { noun: "the path of a folder", pattern: "." }),
            missing: Missing::Described("no migrations are run"),
            meaning: "\
A folder inside the application's folder. Each file in it that ends in `.sql` is run once, in the order of the names, \
before the new version of the application starts. Each runs in a transaction of its own, so that one that fails is undone; \
`BEGIN` and `COMMIT` do not belong into it. Statements that PostgreSQL does not run in a transaction, such as `CREATE INDEX \
CONCURRENTLY`, go into a file whose first line is `-- stackdeb: no transaction`.",
            example: "migrations = \"migrations\"",
            since: FIRST_RELEASE,
        },
    ],
};
