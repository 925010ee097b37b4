//! Reads `[package]`, or the first `[[package]]`: what the package says about itself.

use std::path::Path;

use miette::Diagnostic;

use super::changelog::Changelog;
use super::relations;
use super::table::{Item, Table};
use crate::control::{PackageName, Version};
use crate::stack::kind::AppKind;
use crate::stack::model::{ChangelogEntry, Database, Health, PackageInfo};
use crate::stack::values::{description, files, license, name, text};

/// A value that does not fit to another one.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum PackageTableError {
    #[error("{version} is not {newest}, the version of the newest changelog entry")]
    #[diagnostic(help(
        "describe {version} in a [[changelog]] entry above the others, or leave `version` out of [package]"
    ))]
    VersionDiffers { version: Version, newest: Version },
    #[error("is an empty list")]
    #[diagnostic(help("say who holds the copyright: [\"2026 Jane Doe <jane@example.org>\"], or leave the key out"))]
    NoCopyright,
}

/// Reads the table; `None` where a problem has been noted.
pub(super) fn read(mut table: Table<'_>, changelog: Changelog, folder: &Path) -> Option<PackageInfo> {
    let name = table.required_text("name", name::stack_name);
    let version = read_version(&mut table, &changelog);
    let maintainer = table.required_text("maintainer", text::maintainer);
    let word = name.as_ref().map(PackageName::as_str);
    let summary = table.required_text("summary", |text| description::summary(text, word));
    let description = table.text("description", |text| description::rest(text, summary.as_deref()));
    let homepage = table.text("homepage", text::address);
    let section = table.checked_or_default("section", text::section);
    let priority = table.checked_or_default("priority", text::priority);
    let copyright = read_copyright(&mut table);
    let license = read_license(&mut table, folder);
    let depends = relations::depends(&mut table, word, version.as_ref());
    let relations = relations::others(&mut table, word, version.as_ref());
    let compression = table.checked_or_default("compression", text::compression);
    table.finish();

    let (license, license_text) = license?;
    let maintainer = maintainer?;
    let copyright = copyright.unwrap_or_else(|| default_copyright(&changelog.entries, &maintainer));
    Some(PackageInfo {
        name: name?,
        version: version?,
        maintainer,
        summary: summary?,
        description: description.unwrap_or_default(),
        homepage,
        section: section?,
        priority: priority?,
        copyright,
        license,
        license_text: Some(license_text),
        depends,
        relations,
        changelog: changelog.entries,
        compression: compression?,
    })
}

/// Reads the version. When it is not there, the newest changelog entry's holds.
fn read_version(table: &mut Table<'_>, changelog: &Changelog) -> Option<Version> {
    let given = table.version("version");
    let newest = changelog.newest.as_ref().map(|item| &item.value);
    match (given, newest) {
        // Versions that dpkg calls equal (1.0 and 1.00) still differ here, because the text is a part of file names.
        (Some(Item { value, place }), Some(newest)) if value.as_str() != newest.as_str() => {
            table.problems.add(&place, PackageTableError::VersionDiffers { version: value, newest: newest.clone() });
            None
        }
        (_, newest) => newest.cloned(),
    }
}

fn read_copyright(table: &mut Table<'_>) -> Option<Vec<String>> {
    let lines = table.checked_list("copyright", text::line)?;
    if lines.value.is_empty() {
        table.problems.add(&lines.place, PackageTableError::NoCopyright);
    }
    Some(lines.value)
}

/// `2024-2026 Jane Doe <jane@example.org>`: the years of the oldest and of the newest release.
fn default_copyright(changelog: &[ChangelogEntry], maintainer: &str) -> Vec<String> {
    let year =
        |entry: Option<&ChangelogEntry>| entry.map(|entry| entry.date.to_rfc3339().chars().take(4).collect::<String>());
    let (oldest, newest) = (year(changelog.last()).unwrap_or_default(), year(changelog.first()).unwrap_or_default());
    let years = if oldest == newest { newest } else { format!("{oldest}-{newest}") };
    vec![format!("{years} {maintainer}")]
}

/// Reads the licence: its short name and its text.
fn read_license(table: &mut Table<'_>, folder: &Path) -> Option<(String, String)> {
    let file = table.optional::<&str>("license-file");
    let item = table.required::<&str>("license")?;
    let place = item.place.clone();
    let name = table.accept(item, license::short_name)?;
    let text = match file {
        Some(file) => table.accept(file, |path| files::contents(path, folder)),
        None => table.accept(Item { value: name.as_str(), place }, license::known_text).map(str::to_owned),
    };
    Some((name, text?))
}

/// The description of a package whose manifest has none (Debian Policy 3.4.2).
pub(super) fn default_description(
    package: &PackageInfo,
    kind: &AppKind,
    database: Option<&Database>,
    health: &Health,
) -> String {
    let name = &package.name;
    let database = if database.is_some() { " with a PostgreSQL database of its own" } else { "" };
    let interval = &health.interval;
    let what = match kind {
        AppKind::Python(_) => format!(
            "This package runs {name}, a Python web application{database}, under Gunicorn as a service of systemd, and \
             puts nginx before it."
        ),
        AppKind::Exec(_) => format!(
            "This package runs {name}, a web application{database}, as a service of systemd, and puts nginx before it."
        ),
        AppKind::Static(_) => format!("This package has the files of the site {name}, which nginx serves."),
    };
    format!("{what}\n\nA health check looks at the machine, the services and the site every {interval}.")
}
