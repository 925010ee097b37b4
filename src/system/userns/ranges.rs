//! Ranges of ids for users: the text of /etc/subuid or /etc/subgid (subuid(5), subgid(5)) → the first
//! id of the user's range.

/// The number of ids that a range must have. Debian uses 0 to 65535 (Debian Policy 9.2), of which 0 is the caller.
pub(super) const BORROWED: u32 = 65_535;

/// The lines `user:first:count` of /etc/subuid or /etc/subgid. Other lines are ignored.
pub(super) struct Ranges<'a>(Vec<(&'a str, u32, u32)>);

impl<'a> Ranges<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let range = |line: &'a str| {
            let mut fields = line.trim().splitn(3, ':');
            let (user, first, count) = (fields.next()?, fields.next()?, fields.next()?);
            Some((user, first.parse().ok()?, count.parse().ok()?))
        };
        Self(text.lines().filter_map(range).collect())
    }

    /// Returns the first id of a range that is long enough and belongs to the user of that name or number.
    pub(super) fn lent_to(&self, name: &str, number: &str) -> Option<u32> {
        let enough = |&&(user, _, count): &&(&str, u32, u32)| (user == name || user == number) && count >= BORROWED;
        self.0.iter().find(enough).map(|&(_, first, _)| first)
    }

    /// Returns the first id after all ranges; at least 100000, which is where useradd(8) begins.
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
        assert_eq!(ranges.lent_to("short", "1002"), None, "a range of 1000 ids is too short");
        assert_eq!(ranges.free(), 301_000);
        assert_eq!(Ranges::parse("").free(), 100_000);
    }
}
