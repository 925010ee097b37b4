//! A server that keeps an archive as it was at each time, as Debian and Ubuntu have one. The archives are
//! folders of it, and the times folders of these: `debian/20261127T090000Z/pool/…`.

use super::suite::Suite;
use crate::system::epoch::Epoch;

/// The server, and the suite whose old files it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot<'a> {
    /// The address that the archives' folders are below.
    pub server: &'a str,
    pub suite: &'a Suite,
}

/// In seconds. The server has an archive a few hours after the mirrors have it, and for a time in between it answers with
/// the state before that. An archive keeps a package for more than a day after the next version of it has come, so a day
/// later it is still there.
const LATER: u32 = 86_400;

impl Snapshot<'_> {
    /// The address of the file `path` of an archive, which the Release file of `pocket` with that date lists.
    pub fn url(&self, pocket: &str, date: Epoch, path: &str) -> String {
        let later = i64::from(date.seconds().saturating_add(LATER));
        let time = Epoch::from_seconds(later).unwrap_or(date).to_rfc3339().replace(['-', ':'], "");
        let archive = self.suite.distribution.snapshot_folder(pocket == self.suite.security);
        format!("{}/{archive}/{time}/{path}", self.server.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_archive_and_a_time_a_day_later() {
        let date = Epoch::from_seconds(1_795_428_000).unwrap();
        let url = |suite: &str, pocket: &str| {
            let suite = Suite::find(suite).unwrap();
            Snapshot { server: "https://snapshot.example.org/archive/", suite }.url(pocket, date, "pool/a.deb")
        };
        // As the pages of both servers document it.
        let server = "https://snapshot.example.org/archive";
        assert_eq!(url("trixie", "trixie-updates"), format!("{server}/debian/20261124T100000Z/pool/a.deb"));
        assert_eq!(url("trixie", "trixie-security"), format!("{server}/debian-security/20261124T100000Z/pool/a.deb"));
        assert_eq!(url("noble", "noble-security"), format!("{server}/ubuntu/20261124T100000Z/pool/a.deb"));
    }
}
