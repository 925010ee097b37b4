//! The changelog of the package (Debian Policy 4.4 and 12.7), and what its `.changes` file has of it.

use std::io::Write;

use flate2::{Compression, GzBuilder};

use super::RenderError;
use super::template::{Template, template};
use crate::control::PackageName;
use crate::stack::{ChangelogEntry, Stack};

/// The widest line that lintian accepts, in characters.
const WIDTH: usize = 80;

/// Where the package belongs, as its changelog says: it is for the users' own servers.
pub const DISTRIBUTION: &str = "stable";
/// How urgent a new version is, as its changelog says.
pub const URGENCY: &str = "medium";

/// The manual page of the program `/usr/bin/NAME`.
pub(super) const MANUAL: Template = template!("debian/manual");

/// A text as a compressed file (Debian Policy 12.1 and 12.3).
pub(super) fn compressed(text: &str) -> Result<Vec<u8>, RenderError> {
    gzip(text.as_bytes()).map_err(RenderError::Compress)
}

/// The path of the changelog in the package `name` of a stack, and its compressed content. The file is `changelog.gz` in a native
/// package, else `changelog.Debian.gz` (Debian Policy 12.7).
pub(super) fn changelog(stack: &Stack, name: &PackageName) -> Result<(String, Vec<u8>), RenderError> {
    let package = &stack.package;
    let entries: Vec<String> = package.changelog.iter().map(|entry| write_entry(stack, entry)).collect();
    let file = if package.version.is_native() { "changelog.gz" } else { "changelog.Debian.gz" };
    let compressed = gzip(entries.join("\n").as_bytes()).map_err(RenderError::Compress)?;
    Ok((format!("/usr/share/doc/{name}/{file}"), compressed))
}

/// Compresses as `gzip -9n` does: the header has neither name nor time.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn write_entry(stack: &Stack, entry: &ChangelogEntry) -> String {
    let (changes, date) = (changes(stack, entry, DISTRIBUTION), entry.date.to_rfc5322());
    format!("{changes}\n -- {}  {date}\n", stack.package.maintainer)
}

/// An entry of the changelog for `distribution` without its last line, which says by whom and when.
pub fn changes(stack: &Stack, entry: &ChangelogEntry, distribution: &str) -> String {
    let (name, version) = (&stack.package.name, &entry.version);
    let mut text = format!("{name} ({version}) {distribution}; urgency={URGENCY}\n\n");
    for change in &entry.changes {
        write_item(&mut text, change);
    }
    text
}

/// Writes one item of the changelog, broken into lines of at most [`WIDTH`] characters.
fn write_item(text: &mut String, change: &str) {
    let mut line = String::from("  *");
    for word in change.split_whitespace() {
        let width = line.chars().chain([' ']).chain(word.chars()).count();
        if width > WIDTH && line.trim_start() != "*" {
            text.push_str(&line);
            text.push('\n');
            line = String::from("   ");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
