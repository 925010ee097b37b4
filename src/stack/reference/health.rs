//! The reference of `[health]`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, Section, ValueKind};

/// A time span (systemd.time(7)).
const TIME_SPAN: Form = Form { noun: "a time span (systemd.time(7))", pattern: r"^\s*[0-9][0-9A-Za-zµμ. ]*\s*$" };

pub(super) static HEALTH: Section = Section {
    meaning: "\
A check of the processors, the memory, the disks, the units, the site and the database. A systemd timer starts it. The \
limits are in `/etc/NAME/health.toml` on the server.",
    keys: &[
        Key {
            name: "on-boot",
            kind: ValueKind::Text(TIME_SPAN),
            missing: Missing::Text("2min"),
            meaning: "The time from boot to the first check, from a second to a year.",
            example: "on-boot = \"30s\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "interval",
            kind: ValueKind::Text(TIME_SPAN),
            missing: Missing::Text("10min"),
            meaning: "The time from one check to the next, from a second to a year.",
            example: "interval = \"5min\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "path",
            kind: ValueKind::Text(Form {
                noun: "the path of a page",
                pattern: "^/([0-9A-Za-z_.~-][0-9A-Za-z/_.~-]*)?$",
            }),
            missing: Missing::Text("/healthz"),
            meaning: "\
The page that answers with status 200 when the application is well. The health check, `stackdeb deploy` and a load \
balancer ask for it. It cannot be `/health-report`, which is the health check's own page.",
            example: "path = \"/status\"",
            since: FIRST_RELEASE,
        },
    ],
};
