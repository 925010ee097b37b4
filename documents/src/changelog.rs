//! Debian's changelog (Debian Policy 4.4) of stackdeb's own package, from CHANGELOG.md. A heading `## [VERSION] - DATE` begins
//! an entry; `## [Unreleased]` is the version that is being built. Each item of a list is a change.

use jiff::Timestamp;
use miette::{IntoDiagnostic, WrapErr, miette};
use stackdeb::system::epoch::Epoch;

struct Entry {
    version: String,
    date: Epoch,
    changes: Vec<String>,
}

/// The text of the package's changelog. `now` is the time of what is not released yet.
///
/// # Errors
/// When a heading has no date, or there is no entry for `version`.
pub fn debian(markdown: &str, version: &str, maintainer: &str, now: Epoch) -> miette::Result<String> {
    let entries = entries(markdown, version, now)?;
    if entries.first().is_none_or(|entry| entry.version != version) {
        return Err(miette!("CHANGELOG.md has no entry for the version {version} above the others"));
    }
    let written = |entry: &Entry| {
        let changes: String = entry.changes.iter().map(|change| wrapped(change)).collect();
        let date = entry.date.to_rfc5322();
        format!("stackdeb ({}) unstable; urgency=medium\n\n{changes}\n -- {maintainer}  {date}\n", entry.version)
    };
    Ok(entries.iter().map(written).collect::<Vec<_>>().join("\n"))
}

/// The entries that have changes, newest first.
fn entries(markdown: &str, version: &str, now: Epoch) -> miette::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut in_item = false;
    for line in markdown.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let (version, date) = match heading.trim() {
                "[Unreleased]" => (version.to_owned(), now),
                heading => released(heading)?,
            };
            entries.push(Entry { version, date, changes: Vec::new() });
        }
        let Some(entry) = entries.last_mut() else { continue };
        if let Some(item) = line.strip_prefix("- ") {
            entry.changes.push(item.replace('`', ""));
            in_item = true;
        } else if let (true, Some(more), Some(change)) = (in_item, line.strip_prefix("  "), entry.changes.last_mut()) {
            change.push(' ');
            change.push_str(&more.replace('`', ""));
        } else {
            in_item = false;
        }
    }
    entries.retain(|entry| !entry.changes.is_empty());
    Ok(entries)
}

/// Splits the heading of a released version, such as `[0.1.0] - 2026-12-01`.
fn released(heading: &str) -> miette::Result<(String, Epoch)> {
    let parts = heading.strip_prefix('[').and_then(|rest| rest.split_once("] - "));
    let (version, date) = parts.ok_or_else(|| miette!("CHANGELOG.md: `{heading}` is not `[VERSION] - YYYY-MM-DD`"))?;
    let midnight: Result<Timestamp, jiff::Error> = format!("{date}T00:00:00Z").parse();
    let midnight = midnight.into_diagnostic().wrap_err_with(|| format!("CHANGELOG.md: `{heading}`"))?;
    Ok((version.to_owned(), Epoch::from_seconds(midnight.as_second())?))
}

/// A change as the lines of an entry, at most 80 columns wide.
fn wrapped(change: &str) -> String {
    let mut lines = vec![String::from("  *")];
    for word in change.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().chain(word.chars()).count() < 80 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("    {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Epoch {
        Epoch::from_seconds(seconds).unwrap()
    }

    const MARKDOWN: &str = "\
# Changelog

- no entry's item

## [Unreleased]

## [0.2.0] - 2026-12-10

### Added

- `stackdeb new`: it\n  goes on.

Not an item.

### Fixed

- More.

## [0.1.0] - 2026-11-01
- First.
";

    #[test]
    fn releases_become_entries_that_dpkg_reads() {
        let text = debian(MARKDOWN, "0.2.0", "Jane Doe <jane@example.org>", at(0)).unwrap();
        assert!(text.contains("  * stackdeb new: it goes on.\n  * More.\n"), "{text}");
        assert!(text.contains("  Thu, 10 Dec 2026 00:00:00 +0000\n"), "{text}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let mut dpkg = std::process::Command::new("dpkg-parsechangelog");
        let output = dpkg.args(["--all", "-S", "Version", "-l"]).arg(file.path()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        let count = text.matches("urgency=medium").count();
        assert_eq!((String::from_utf8(output.stdout).unwrap().trim(), count), ("0.2.0", 2));
    }

    #[test]
    fn what_is_built_has_an_entry() {
        assert!(debian(MARKDOWN, "0.3.0", "x", at(0)).is_err());
        let begun = MARKDOWN.replace("[Unreleased]\n", "[Unreleased]\n\n- Next.\n");
        let text = debian(&begun, "0.3.0", "x", at(1_795_428_000)).unwrap();
        assert!(text.starts_with("stackdeb (0.3.0) ") && text.contains("Mon, 23 Nov 2026 10:00:00 +0000"), "{text}");
        assert!(debian("## 1.0\n- x\n", "1.0", "x", at(0)).is_err());
    }

    #[test]
    fn long_changes_are_wrapped() {
        let text = wrapped(&"word ".repeat(40));
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
