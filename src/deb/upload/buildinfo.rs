//! The `.buildinfo` file: with what a package was built.

use super::{Upload, UploadedFile, lines};
use crate::control::Stanza;

type Digest = fn(&UploadedFile) -> String;

impl Upload {
    /// The stanza of the `.buildinfo` file. `packages` are what was built, in the order of
    /// their names.
    ///
    /// It leaves out what would be of one machine alone: its kernel, the folder of the build, its name and its clock.
    pub fn buildinfo(&self, packages: &[UploadedFile]) -> Stanza {
        let mut stanza = Stanza::default();
        stanza.set("Format", "1.0");
        stanza.set("Source", self.field("Package"));
        stanza.set("Binary", self.all("Package"));
        stanza.set("Architecture", self.all("Architecture"));
        stanza.set("Version", self.field("Version"));
        let digests: [(&str, Digest); 3] = [
            ("Md5", |file| file.md5.clone()),
            ("Sha1", |file| file.sha1.clone()),
            ("Sha256", |file| file.sha256.to_string()),
        ];
        for (algorithm, digest) in digests {
            let sums = packages.iter().map(|file| format!("{} {} {}", digest(file), file.size, file.name));
            stanza.set(&format!("Checksums-{algorithm}"), lines(sums));
        }
        // The only one that stackdeb runs on.
        stanza.set("Build-Architecture", "amd64");
        stanza.set("Build-Date", self.built.to_rfc5322());
        let last = self.installed.len().saturating_sub(1);
        let installed = self.installed.iter().enumerate().map(|(index, (package, version))| {
            let comma = if index < last { "," } else { "" };
            format!("{package} (= {version}){comma}")
        });
        stanza.set("Installed-Build-Depends", lines(installed));
        stanza.set("Environment", format!("\nSOURCE_DATE_EPOCH=\"{}\"", self.built.seconds()));
        stanza
    }
}
