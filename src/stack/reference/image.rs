//! What the reference says about `[image]`: the disk image and where its packages are from.

use super::key::{FIRST_RELEASE, Form, Key, Missing, RELATION, SIZE, Section, ValueKind};

/// The address of a Debian or Ubuntu mirror, without a user or a password.
const MIRROR: Form = Form { noun: "a web address", pattern: "^https?://[0-9A-Za-z][^@/]*(/|$)" };

pub(super) static IMAGE: Section = Section {
    meaning: "\
The disk image that `stackdeb image` builds: a Debian with the stack installed, in one ext4 file system, for Linode.",
    keys: &[
        Key {
            name: "suite",
            kind: ValueKind::Text(Form { noun: "the code name of a release", pattern: "^[a-z]+$" }),
            missing: Missing::Text("trixie"),
            meaning: "\
The release that the image is made of: `trixie` (Debian 13), `noble` or `jammy` (Ubuntu 24.04 and 22.04, not tried yet). \
`bookworm` (Debian 12) is refused, because its cloud-init does not know Linode.",
            example: "suite = \"trixie\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "mirror",
            kind: ValueKind::Text(MIRROR),
            missing: Missing::Described("the mirror that the apt sources of the building machine name"),
            meaning: "The mirror that packages are downloaded from. The apt sources of the image name it too.",
            example: "mirror = \"https://mirror.example.org/debian\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "security-mirror",
            kind: ValueKind::Text(MIRROR),
            missing: Missing::Described("the security mirror that the apt sources of the building machine name"),
            meaning: "The same for security updates.",
            example: "security-mirror = \"https://security.debian.org/debian-security\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "snapshot-mirror",
            kind: ValueKind::Text(MIRROR),
            missing: Missing::Described("old versions are not looked for"),
            meaning: "\
A server that keeps the archive as it was at each time. When the mirror has a version that `stack.lock` names no more, it is \
downloaded from there: below the address are folders as `debian/20261127T090000Z` and `debian-security/20261127T090000Z`, for \
Ubuntu `ubuntu/20261127T090000Z`.",
            example: "snapshot-mirror = \"https://snapshot.example.org/archive\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "keyring",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: "." }),
            missing: Missing::Described("the keys of the distribution, which are a part of stackdeb"),
            meaning: "OpenPGP certificates. The mirror's `InRelease` file must be signed with one of them.",
            example: "keyring = \"mirror.gpg\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "repository",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: r"\.sources$" }),
            missing: Missing::Described("the machine knows the distribution's archives alone"),
            meaning: "\
A repository of your own, from which the machine installs new versions of the stack by itself, once a day, as it does security \
updates: the path of the file `ORIGIN.sources` that `stackdeb repo add` has written, with the address and the key. It is put \
into `/etc/apt/sources.list.d`. The suite must be called the same in `Suites` and as `Codename` of the repository, and its \
address must have http or https.",
            example: "repository = \"repository/shop.sources\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "hostname",
            kind: ValueKind::Text(Form { noun: "a host name", pattern: "^[0-9A-Za-z.-]{1,64}$" }),
            missing: Missing::Described("the package's name"),
            meaning: "The host name of the machine until cloud-init gives it another one.",
            example: "hostname = \"web-1\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "packages",
            kind: ValueKind::Texts { form: RELATION, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "Further Debian packages for the image, one relation a string.",
            example: "packages = [\"htop\", \"nftables\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "free-space",
            kind: ValueKind::Text(SIZE),
            missing: Missing::Text("200M"),
            meaning: "\
Room that is left free in the file system, in bytes, or with `K`, `M` or `G` in units of 1024, 1024² or 1024³ bytes. A few \
hundred megabytes are enough: on Linode the file system grows to the size of the disk at the first boot.",
            example: "free-space = \"500M\"",
            since: FIRST_RELEASE,
        },
    ],
};
