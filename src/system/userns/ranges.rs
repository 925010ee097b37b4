//! Ranges of ids that are lent to users: the text of /etc/subuid or /etc/subgid comes in (subuid(5), subgid(5)); the first
//! id of the range in question goes out.

/// How many ids Debian uses: 0 to 65535 (Debian Policy 9.2). The first is the caller's own.
pub(super) const BORROWED: u32 = 65_535;

/// What /etc/subuid or /etc/subgid says: `user:first:count` lines (subuid(5)); others do not count.
pub(super) struct Ranges<'a>(Vec<(&'a str, u32, u32)>);

impl<'a> Ranges<'a> {
    /// Reads one of the two files.
    pub(super) fn parse(text: &'a str) -> Self {
        let range = |line: &'a str| {
            let mut fields = line.trim().splitn(3, ':');
            let (user, first, count) = (fields.next()?, fields.next()?, fields.next()?);
            Some((user, first.parse().ok()?, count.parse().ok()?))
        };
        Self(text.lines().filter_map(range).collect())
    }

    /// The first id of a range that is lent to the user of that name or number, and long enough.
    pub(super) fn lent_to(&self, name: &str, number: &str) -> Option<u32> {
        let enough = |&&(user, _, count): &&(&str, u32, u32)| (user == name || user == number) && count >= BORROWED;
        self.0.iter().find(enough).map(|&(_, first, _)| first)
    }

    /// The first id after all ranges, and not before the one where useradd(8) begins.
    pub(super) fn free(&self) -> u32 {
        self.0.iter().map(|&(_, first, count)| first.saturating_add(count)).fold(100_000, u32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_and_by_number() {
        let ranges = Ranges::parse("anna:100000:65536\n1001:165536:65536\nshort:300000:1000\n# note\n");
        assert_eq!(ranges.lent_to("anna", "1000"), Some(100_000));
        assert_eq!(ranges.lent_to("bert", "1001"), Some(165_536));
        assert_eq!(ranges.lent_to("short", "1002"), None, "1000 ids are too few");
        assert_eq!(ranges.free(), 301_000);
        assert_eq!(Ranges::parse("").free(), 100_000);
    }
}
