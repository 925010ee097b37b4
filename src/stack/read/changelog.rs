//! Reads the `[[changelog]]` tables, newest first: each with a version, a date and its changes.

use miette::Diagnostic;
use toml::value::Datetime;

use super::table::{Item, Table};
use crate::control::Version;
use crate::stack::model::ChangelogEntry;
use crate::stack::problem::ManifestPlace;
use crate::stack::values::text;
use crate::system::epoch::{Epoch, EpochError};

/// A mistake about the order of entries, or about a date.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum ChangelogError {
    #[error("`{0}` is not a point in time: it needs a date, a time and an offset from UTC")]
    #[diagnostic(help("write it like 2026-11-23T10:00:00Z or 2026-11-23T11:00:00+01:00"))]
    NoPointInTime(String),
    #[error(transparent)]
    #[diagnostic(help("write the date of the release"))]
    OutOfRange(#[from] EpochError),
    #[error("{date} is not earlier than {newer}, the date of the entry above it")]
    #[diagnostic(help("order the entries from the newest to the oldest, each with a date of its own"))]
    DateOrder { date: String, newer: String },
    #[error("{version} is not lower than {newer}, the version of the entry above it")]
    #[diagnostic(help("order the entries from the newest to the oldest, each with a version of its own"))]
    VersionOrder { version: Version, newer: Version },
    #[error("is an empty list")]
    #[diagnostic(help("say what changed: [\"First release.\"]"))]
    NoChanges,
}

/// All entries, and the version of the newest with its place.
pub(super) struct Changelog {
    pub(super) entries: Vec<ChangelogEntry>,
    pub(super) newest: Option<Item<Version>>,
}

/// Reads all entries. A mistake in one is noted, and the others are read all the same.
pub(super) fn read(document: &mut Table<'_>) -> Changelog {
    let mut changelog = Changelog { entries: Vec::new(), newest: None };
    let tables = document.tables("changelog");
    let mut above: Option<(Item<Version>, Option<Item<Epoch>>)> = None;
    for mut table in tables {
        let version = table.version("version");
        let date = read_date(&mut table);
        let changes = read_changes(&mut table);
        if let (Some(version), Some((newer, newer_date))) = (&version, &above) {
            check_order(&table, version, date.as_ref(), newer, newer_date.as_ref());
        }
        table.finish();
        let Some(version) = version else { continue };
        if let (Some(date), Some(changes)) = (&date, changes) {
            changelog.entries.push(ChangelogEntry { version: version.value.clone(), date: date.value, changes });
        }
        if changelog.newest.is_none() {
            changelog.newest = Some(Item { value: version.value.clone(), place: version.place.clone() });
        }
        above = Some((version, date));
    }
    changelog
}

fn read_date(table: &mut Table<'_>) -> Option<Item<Epoch>> {
    let item = table.required::<&Datetime>("date")?;
    let place: ManifestPlace = item.place.clone();
    Some(Item { value: table.accept(item, epoch)?, place })
}

fn epoch(date: &Datetime) -> Result<Epoch, ChangelogError> {
    let text = date.to_string();
    let timestamp: jiff::Timestamp = text.parse().map_err(|_| ChangelogError::NoPointInTime(text))?;
    Ok(Epoch::from_seconds(timestamp.as_second())?)
}

fn read_changes(table: &mut Table<'_>) -> Option<Vec<String>> {
    let changes = table.required_checked_list("changes", text::change)?;
    if changes.value.is_empty() {
        table.problems.add(&changes.place, ChangelogError::NoChanges);
    }
    Some(changes.value)
}

fn check_order(
    table: &Table<'_>,
    version: &Item<Version>,
    date: Option<&Item<Epoch>>,
    newer: &Item<Version>,
    newer_date: Option<&Item<Epoch>>,
) {
    if version.value >= newer.value {
        let (version_text, newer) = (version.value.clone(), newer.value.clone());
        table.problems.add(&version.place, ChangelogError::VersionOrder { version: version_text, newer });
    }
    if let (Some(date), Some(newer)) = (date, newer_date)
        && date.value >= newer.value
    {
        let (text, newer) = (date.value.to_rfc3339(), newer.value.to_rfc3339());
        table.problems.add(&date.place, ChangelogError::DateOrder { date: text, newer });
    }
}
