//! The reference of the relations to other packages that each `[[package]]` may have beside `depends`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, RELATION, ValueKind};

const NEEDED: ValueKind = ValueKind::Texts { form: RELATION, empty: true };
const SINGLE: ValueKind =
    ValueKind::Texts { form: Form { noun: "a relation without alternatives", pattern: "^[^,|]+$" }, empty: true };

pub(super) const PRE_DEPENDS: Key = Key {
    name: "pre-depends",
    kind: NEEDED,
    missing: Missing::Texts(&[]),
    meaning: "\
Packages that have to be configured before this one is unpacked (Debian Policy 7.2): what its own `preinst` calls, or what must be there \
before its files are. `depends` is enough for all that its programs need when they run. Another package of the stack may be named, if \
that one does not depend on this one.",
    example: "pre-depends = [\"init-system-helpers (>= 1.54~)\"]",
    since: FIRST_RELEASE,
};

pub(super) const RECOMMENDS: Key = Key {
    name: "recommends",
    kind: NEEDED,
    missing: Missing::Texts(&[]),
    meaning: "\
Packages that a server should have as well (Debian Policy 7.2): apt installs them too, unless the administrator says otherwise. An \
image has none of them; name those that it is to have in `[image] packages`.",
    example: "recommends = [\"guest-book-fonts\"]",
    since: FIRST_RELEASE,
};

pub(super) const SUGGESTS: Key = Key {
    name: "suggests",
    kind: NEEDED,
    missing: Missing::Texts(&[]),
    meaning: "Packages that make it more useful (Debian Policy 7.2). apt names them, and installs none.",
    example: "suggests = [\"postfix | mail-transport-agent\"]",
    since: FIRST_RELEASE,
};

pub(super) const CONFLICTS: Key = Key {
    name: "conflicts",
    kind: SINGLE,
    missing: Missing::Texts(&[]),
    meaning: "Packages that cannot be installed at the same time (Debian Policy 7.4).",
    example: "conflicts = [\"visitors-book\"]",
    since: FIRST_RELEASE,
};

pub(super) const BREAKS: Key = Key {
    name: "breaks",
    kind: SINGLE,
    missing: Missing::Texts(&[]),
    meaning: "\
Packages that do not work beside this one, usually their older versions (Debian Policy 7.3). A package that takes over a file of \
another one has it in `breaks` and in `replaces`, with the first version that has the file no longer.",
    example: "breaks = [\"guest-book-data (<< 2.0.0)\"]",
    since: FIRST_RELEASE,
};

pub(super) const REPLACES: Key = Key {
    name: "replaces",
    kind: SINGLE,
    missing: Missing::Texts(&[]),
    meaning: "Packages whose files this one may overwrite (Debian Policy 7.6).",
    example: "replaces = [\"guest-book-data (<< 2.0.0)\"]",
    since: FIRST_RELEASE,
};

pub(super) const PROVIDES: Key = Key {
    name: "provides",
    kind: SINGLE,
    missing: Missing::Texts(&[]),
    meaning: "\
Names that other packages may depend on in its place (Debian Policy 7.5), each alone or with one version: `book (= 2.0)`.",
    example: "provides = [\"book (= ${binary:Version})\"]",
    since: FIRST_RELEASE,
};
