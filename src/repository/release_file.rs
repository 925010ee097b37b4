//! The text of the file `Release`: what a repository is called, when it was signed, and the hashes of its indices.

use super::folder::INDEX;
use super::values::Validity;
use crate::control::Stanza;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;

/// What the file says beside the hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReleaseFile {
    pub origin: String,
    pub suite: String,
    pub date: Epoch,
    pub validity: Validity,
}

impl ReleaseFile {
    /// `indices` are the index as it is, and compressed by xz.
    pub fn text(&self, [plain, xz]: [&[u8]; 2]) -> String {
        let mut stanza = Stanza::default();
        stanza.set("Origin", &self.origin);
        stanza.set("Label", &self.origin);
        stanza.set("Suite", &self.suite);
        stanza.set("Codename", &self.suite);
        stanza.set("Date", time(self.date));
        if let Some(seconds) = self.validity.seconds() {
            let until = i64::from(self.date.seconds()).saturating_add(i64::from(seconds));
            // Ten years from now is before 2106.
            stanza.set("Valid-Until", time(Epoch::from_seconds(until).unwrap_or(self.date)));
        }
        stanza.set("Acquire-By-Hash", "yes");
        stanza.set("Architectures", "amd64");
        stanza.set("Components", "main");
        let line = |bytes: &[u8], name: &str| format!("\n{} {} {name}", Sha256::of(bytes), bytes.len());
        stanza.set("SHA256", [line(plain, INDEX), line(xz, &format!("{INDEX}.xz"))].concat());
        stanza.to_string()
    }
}

/// As Debian's archive writes it.
fn time(epoch: Epoch) -> String {
    epoch.to_rfc5322().replace("+0000", "UTC")
}
