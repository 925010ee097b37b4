//! What the reference says about `[service]`: programs beside the app, such as Valkey.

use super::key::{FIRST_RELEASE, Key, Missing, SIZE, Section, ValueKind, Words};
use crate::stack::values::service::EVICTIONS;

pub(super) static SERVICES: Section = Section {
    meaning: "\
Services that Debian has and the application uses. Each is an instance of the stack's own, which starts before the \
application and listens on a Unix socket alone; the health check counts it.",
    keys: &[Key {
        name: "valkey",
        kind: ValueKind::Table(&VALKEY),
        missing: Missing::Described("the stack has no Valkey"),
        meaning: "Valkey, the store of keys and values that Redis was. The line `[service.valkey]` alone is enough to have it.",
        example: "[valkey]\nmemory-max = \"512M\"",
        since: FIRST_RELEASE,
    }],
};

static VALKEY: Section = Section {
    meaning: "\
Valkey of Debian 13 (`valkey-server`), for caches, queues and sessions; on Debian 12, which has none, Redis 7 \
(`redis-server`) takes its place under the same names. Its unit is `PACKAGE-valkey.service`, its \
configuration `/etc/PACKAGE/valkey.conf`. The application, its workers and its timers find its address in the variables \
`VALKEY_URL` and `REDIS_URL`: `unix:///run/PACKAGE/valkey/valkey.sock`. Only they can connect to it. It writes its data to \
the disk, and `stackdeb data` saves and restores them, as `deploy --bring-data` does, unless `eviction` makes it a cache. \
Redis 7 cannot read what a newer Valkey saved. Celery writes the address as `redis+socket:///run/PACKAGE/valkey/valkey.sock`. \
Debian's own instance, `valkey-server.service`, has nothing to do with the stack. It listens at port 6379 of the loopback, \
without a password; in an image it is disabled, and on a server `systemctl disable --now valkey-server.service` ends it.",
    keys: &[
        Key {
            name: "memory-max",
            kind: ValueKind::Text(SIZE),
            missing: Missing::Text("256M"),
            meaning: "\
The most memory that its data may use (`maxmemory` in valkey.conf), 1M or more: bytes, or with `K`, `M` or `G` units of \
1024, 1024² or 1024³ bytes.",
            example: "memory-max = \"512M\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "eviction",
            kind: ValueKind::Word(Words { noun: "a policy of Valkey's", known: || EVICTIONS.to_vec(), others: None }),
            missing: Missing::Text("noeviction"),
            meaning: "\
What it does with a write when that memory is used up (`maxmemory-policy` in valkey.conf). `noeviction` refuses the write, so \
that a queue loses no task; `allkeys-lru` removes what was not used for the longest time, as a cache should. With each policy \
whose name begins with `allkeys-` it is a cache also for `stackdeb data`: it is not saved, and a restore empties it.",
            example: "eviction = \"allkeys-lru\"",
            since: FIRST_RELEASE,
        },
    ],
};
