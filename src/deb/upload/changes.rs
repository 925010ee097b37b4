//! The `.changes` file, which describes an upload to an archive.

use super::{Upload, UploadedFile, lines};
use crate::control::Stanza;

/// As many characters of a package's summary as dpkg-genchanges writes.
const SUMMARY: usize = 65;

/// The field of a package that no source names.
const AUTO_BUILT: &str = "Auto-Built-Package";

fn summary(control: &Stanza) -> String {
    let [package, description] = ["Package", "Description"].map(|name| control.get(name).unwrap_or_default());
    let summary: String = description.lines().next().unwrap_or_default().chars().take(SUMMARY).collect();
    format!("{package:<10} - {summary}")
}

impl Upload {
    /// The stanza of the `.changes` file. `files` are those of the upload, in the order of their names.
    pub fn changes(&self, files: &[UploadedFile]) -> Stanza {
        let mut stanza = Stanza::default();
        stanza.set("Format", "1.8");
        stanza.set("Date", self.date.to_rfc5322());
        let package = self.field("Package");
        stanza.set("Source", package);
        stanza.set("Binary", self.all("Package"));
        stanza.set("Architecture", self.all("Architecture"));
        stanza.set("Version", self.field("Version"));
        stanza.set("Distribution", self.distribution.to_string());
        stanza.set("Urgency", self.urgency);
        stanza.set("Maintainer", self.field("Maintainer"));
        stanza.set("Changed-By", self.field("Maintainer"));
        // Those with debugging data have no line, as dpkg-genchanges has none for them.
        let mut summaries: Vec<String> =
            self.controls().filter(|one| one.get(AUTO_BUILT).is_none()).map(summary).collect();
        summaries.sort();
        stanza.set("Description", lines(summaries.into_iter()));
        stanza.set("Changes", lines(self.changes.trim_end().lines().map(str::to_owned)));
        let sha1 = files.iter().map(|file| format!("{} {} {}", file.sha1, file.size, file.name));
        stanza.set("Checksums-Sha1", lines(sha1));
        let sha256 = files.iter().map(|file| format!("{} {} {}", file.sha256, file.size, file.name));
        stanza.set("Checksums-Sha256", lines(sha256));
        let md5 = files.iter().map(|file| {
            let control = self.control_of(file);
            let [section, priority] = ["Section", "Priority"].map(|name| control.get(name).unwrap_or("-"));
            format!("{} {} {section} {priority} {}", file.md5, file.size, file.name)
        });
        stanza.set("Files", lines(md5));
        stanza
    }
}
