//! What the reference says about `[[file]]`: files, folders and links beside the app.

use super::key::{FIRST_RELEASE, Form, Key, Missing, Section, ValueKind};

pub(super) static FURTHER_FILE: Section = Section {
    meaning: "\
A file, an empty folder or a symbolic link that the package installs beside the application: with one of the keys `source`, \
`folder` and `link`. Nothing else of the package may have its path. `apt purge` removes it. When it is a program or a library in \
machine code, the package depends on the libraries that it links.

What is in `/etc` belongs to the administrator: dpkg asks before it replaces an edited file. The application reads all that \
its user may read, but it writes only below `/var/lib/NAME/app` and `/var/log/NAME`.",
    keys: &[
        Key {
            name: "path",
            kind: ValueKind::Text(Form { noun: "an absolute path on the server", pattern: "^(/[0-9A-Za-z_.@+-]+)+$" }),
            missing: Missing::Refused,
            meaning: "\
Where it is on the server. Not in folders that belong to the administrator or to the machine's users, such as `/usr/local` and \
`/home`, nor in those that are emptied, such as `/run` and `/tmp`.",
            example: "path = \"/etc/guest-book/banner.txt\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "source",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: "." }),
            missing: Missing::Described("it is an empty folder or a link"),
            meaning: "The file of the project whose copy is installed.",
            example: "source = \"LICENSE\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "folder",
            kind: ValueKind::Flag,
            missing: Missing::Described("it is a file or a link"),
            meaning: "`true`: it is an empty folder.",
            example: "folder = true",
            since: FIRST_RELEASE,
        },
        Key {
            name: "link",
            kind: ValueKind::Text(Form { noun: "the target of a link", pattern: "." }),
            missing: Missing::Described("it is a file or an empty folder"),
            meaning: "\
What the symbolic link points to: an absolute path, or one that is relative to the link's folder. Nothing has to be there.",
            example: "link = \"/var/lib/guest-book/app/report.html\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "mode",
            kind: ValueKind::Text(Form { noun: "octal digits", pattern: "^0?[0-7]{3}$" }),
            missing: Missing::Described("`0755` for folders and for files that are executable in the project, else `0644`"),
            meaning: "Its permission bits in octal. Not for links.",
            example: "mode = \"0640\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "owner",
            kind: ValueKind::Text(Form { noun: "a user and a group", pattern: "^[a-z][0-9a-z+.-]*:[a-z][0-9a-z+.-]*$" }),
            missing: Missing::Described("`root:root`"),
            meaning: "\
Its user and group: each is `root`, `www-data` (nginx), or the package's name, which is the application's user and group. \
Once the administrator has given it another owner or mode, it keeps them. Not for links.",
            example: "owner = \"root:guest-book\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "package",
            kind: ValueKind::Text(Form { noun: "a package name", pattern: "^[a-z0-9][a-z0-9+.-]+$" }),
            missing: Missing::Described("the stack's own package"),
            meaning: "\
The package that it is in: the stack's own, or one of the further entries of `[[package]]`. In a further package, the \
application's user can be its owner only where that package depends on the stack's own.",
            example: "package = \"guest-book\"",
            since: FIRST_RELEASE,
        },
    ],
};
