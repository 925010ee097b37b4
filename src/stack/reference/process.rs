//! The reference of `[worker.NAME]` and `[timer.NAME]`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, Section, ValueKind};

/// More processes than this are a slip: each is a unit of its own.
const MOST_PROCESSES: u16 = 64;

pub(super) const MEMORY: Form = Form { noun: "a size, or a percentage", pattern: "^[0-9]+[kKmMgG%]?$" };

pub(super) const QUOTA: Form = Form { noun: "a percentage", pattern: "^[0-9]+%$" };

pub(super) const MEMORY_MEANING: &str = "\
The most memory that all processes of the unit may use together (`MemoryMax=`, systemd.resource-control(5)): a whole number \
with `K`, `M` or `G`, or a percentage of the machine's memory. If they need more, the kernel ends one of them.";

pub(super) const QUOTA_MEANING: &str = "\
The most processor time that all processes of the unit may use together (`CPUQuota=`, systemd.resource-control(5)): `50%` \
is half of one processor, `200%` are two.";

pub(super) const COMMAND: Form = Form { noun: "a program with its arguments", pattern: "^\\s*[0-9A-Za-z_./'\"]" };

const TIME_SPAN: Form = Form { noun: "a time span (systemd.time(7))", pattern: r"^\s*[0-9][0-9A-Za-zµμ. ]*\s*$" };

const MEMORY_MAX: Key = Key {
    name: "memory-max",
    kind: ValueKind::Text(MEMORY),
    missing: Missing::Described("no limit of its own"),
    meaning: MEMORY_MEANING,
    example: "memory-max = \"512M\"",
    since: FIRST_RELEASE,
};

const CPU_QUOTA: Key = Key {
    name: "cpu-quota",
    kind: ValueKind::Text(QUOTA),
    missing: Missing::Described("no limit of its own"),
    meaning: QUOTA_MEANING,
    example: "cpu-quota = \"50%\"",
    since: FIRST_RELEASE,
};

pub(super) static WORKER: Section = Section {
    meaning: "\
A program that runs all the time beside the web server, such as one that takes tasks from a queue. It has the user, the \
environment, the working folder and the sandbox of the application, starts after the database's migrations, is started \
again when it ends, and the health check counts it.

Its unit is `PACKAGE-NAME.service`. An upgrade sends it SIGTERM, waits for its end, and starts the new version.",
    keys: &[
        Key {
            name: "command",
            kind: ValueKind::Text(COMMAND),
            missing: Missing::Refused,
            meaning: "\
The program and its arguments, in words as a shell splits them; no shell runs it. A program with a `/` in it is in the \
application's folder, one without is looked for in the folders of programs (`/usr/bin` and others). In a shell, as in `sh \
-c '…'`, the variable `WORKER_NUMBER` says which of the `processes` it is: 1, 2 and so on.",
            example: "command = \"celery -A app worker\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "processes",
            kind: ValueKind::Number { least: 1, most: MOST_PROCESSES },
            missing: Missing::Number(1),
            meaning: "\
How many of it run at once. Each is a unit of its own: `PACKAGE-NAME.service`, `PACKAGE-NAME-2.service` and so on.",
            example: "processes = 2",
            since: FIRST_RELEASE,
        },
        Key {
            name: "stop-timeout",
            kind: ValueKind::Text(TIME_SPAN),
            missing: Missing::Text("90s"),
            meaning: "\
How long it may finish what it has begun, after SIGTERM at an upgrade or a shutdown. Then systemd ends it by force.",
            example: "stop-timeout = \"10min\"",
            since: FIRST_RELEASE,
        },
        MEMORY_MAX,
        CPU_QUOTA,
    ],
};

pub(super) static TIMER: Section = Section {
    meaning: "\
A program that runs at certain times. It has the user, the environment, the working folder and the sandbox of the \
application. The health check says when its last run failed.

`PACKAGE-NAME.timer` starts `PACKAGE-NAME.service`. If the machine was off at the time, the program runs after the next \
boot. A run that an upgrade meets goes on to its end.",
    keys: &[
        Key {
            name: "command",
            kind: ValueKind::Text(COMMAND),
            missing: Missing::Refused,
            meaning: "The program and its arguments, as for `[worker.NAME]`.",
            example: "command = \"python3 tidy.py\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "schedule",
            kind: ValueKind::Text(Form { noun: "a calendar event (systemd.time(7))", pattern: r"^\s*[0-9A-Za-z*]" }),
            missing: Missing::Refused,
            meaning: "\
When it runs, as a calendar event of systemd.time(7): `hourly`, `daily` (at midnight), `*:0/15` (every 15 minutes), \
`Mon..Fri 08:00`, `*-*-01 04:30 Europe/Berlin`. Without a time zone it is the machine's. A day that never comes \
(`*-02-30`) is refused, and so is one before the newest version in the changelog.",
            example: "schedule = \"Mon..Fri 08:00\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "stop-timeout",
            kind: ValueKind::Text(TIME_SPAN),
            missing: Missing::Text("90s"),
            meaning: "\
How long it may finish after SIGTERM, when the package is removed or the machine is shut down. Then systemd ends it by \
force.",
            example: "stop-timeout = \"10min\"",
            since: FIRST_RELEASE,
        },
        MEMORY_MAX,
        CPU_QUOTA,
    ],
};
