//! The ids that the users of a root have on this machine. Root of a root must not be root of the machine: a program that
//! finds a way out of the sandbox would be root there. So the users 0 to 65534 of a root get ids of this machine that no
//! user has, and the files of the root belong to these.

use std::env;
use std::fs;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::MARKER;
use super::ranges::{BORROWED, Ranges};

/// The first id of the range that systemd keeps for containers (systemd's documentation, "Users, Groups, UIDs and GIDs").
const CONTAINERS: u32 = 524_288;

/// A range's first id is a multiple of this number of ids, as it is for systemd.
const ALIGNMENT: u32 = 65_536;

/// Which ids of this machine stand for the ids of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The id that stands for 0. The others follow it.
    first: u32,
}

impl Ids {
    /// Each id stands for itself. This is right where this process is itself in a namespace of its own.
    pub const SAME: Self = Self { first: 0 };

    /// The ids for a root that this process makes: those that /etc/subuid and /etc/subgid give to root, else a range
    /// that these files give to nobody. In the namespace of [`super::enter`] or of a container, which has no such
    /// range, the ids stay the same. All roots of a process have the same ids: a user who gets a range meanwhile does not
    /// part a build from the files that it has made.
    pub fn of_a_root() -> Self {
        static CHOSEN: OnceLock<Ids> = OnceLock::new();
        *CHOSEN.get_or_init(Self::chosen_now)
    }

    fn chosen_now() -> Self {
        if env::var_os(MARKER).is_some() {
            return Self::SAME;
        }
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let chosen = choose(&read("/etc/subuid"), &read("/etc/subgid"));
        let has_it = |path: &str| chosen.is_within(&read(path));
        if has_it("/proc/self/uid_map") && has_it("/proc/self/gid_map") { chosen } else { Self::SAME }
    }

    /// The id on this machine of a root's user or group; `None` if no user of a root may have this id.
    pub fn outside(self, id: u32) -> Option<u32> {
        (id < BORROWED).then(|| self.first.checked_add(id)).flatten()
    }

    /// The id inside for an id of this machine; `None` if no user inside has it.
    pub fn inside(self, id: u32) -> Option<u32> {
        id.checked_sub(self.first).filter(|id| *id < BORROWED)
    }

    /// The id on this machine of the root's own root.
    pub fn root(self) -> u32 {
        self.first
    }

    /// The text for `uid_map` or `gid_map` of a new namespace (user_namespaces(7)) that is made by a process whose own
    /// file of that name is `own`. A line must not span two lines of `own`.
    pub fn map(self, own: &str) -> String {
        let end = self.first.saturating_add(BORROWED);
        let mut map = String::new();
        for (start, count) in extents(own) {
            let (from, to) = (start.max(self.first), start.saturating_add(count).min(end));
            if from < to {
                map.push_str(&format!("{} {from} {}\n", from.saturating_sub(self.first), to.saturating_sub(from)));
            }
        }
        map
    }

    fn is_within(self, own: &str) -> bool {
        let end = self.first.saturating_add(BORROWED);
        extents(own).any(|(start, count)| start <= self.first && end <= start.saturating_add(count))
    }
}

fn choose(users: &str, groups: &str) -> Ids {
    let (users, groups) = (Ranges::parse(users), Ranges::parse(groups));
    let given = users.lent_to("root", "0");
    let first = given.filter(|&first| groups.lent_to("root", "0") == Some(first)).unwrap_or_else(|| {
        let free = users.free().max(groups.free()).max(CONTAINERS);
        free.checked_next_multiple_of(ALIGNMENT).unwrap_or(CONTAINERS)
    });
    Ids { first }
}

/// The first id inside and the number of ids of each line.
fn extents(map: &str) -> impl Iterator<Item = (u32, u32)> {
    map.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let start = words.next()?.parse().ok()?;
        Some((start, words.nth(1)?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map of a machine that is no container (user_namespaces(7)).
    const MACHINE: &str = "         0          0 4294967295\n";

    #[test]
    fn root_gets_its_own_range_or_one_that_nobody_has() {
        let lent = "anna:100000:65536\nroot:1000000:65536\n";
        assert_eq!(choose(lent, lent).root(), 1_000_000);
        assert_eq!(choose("", "").root(), 524_288);
        assert_eq!(choose("anna:524288:65536\n", "").root(), 589_824);
        assert_eq!(choose(lent, "root:2000000:65536\n").root(), 2_097_152, "both files must agree");
    }

    #[test]
    fn a_map_follows_the_lines_of_the_namespace_around_it() {
        let ids = choose("", "");
        assert!(ids.is_within(MACHINE) && !ids.is_within("0 0 65536\n"));
        assert_eq!(ids.map(MACHINE), "0 524288 65535\n");
        assert_eq!(Ids::SAME.map("0 1000 1\n1 200000 65535\n"), "0 0 1\n1 1 65534\n");
        assert_eq!((ids.outside(0), ids.outside(65_534), ids.outside(65_535)), (Some(524_288), Some(589_822), None));
    }
}
