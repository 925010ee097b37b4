//! The tables `[app]`, `[database]` and `[health]`: what runs on the server.

use std::path::Path;

use miette::Diagnostic;

use super::table::{Item, Table};
use super::{kind, process};
use crate::stack::Pattern;
use crate::stack::model::{App, Database, FromDebian, Health};
use crate::stack::values::{command, database, environment, files, host, index, time_span};

/// The page of the package's nginx site that shows the report of the health check.
pub(super) const REPORT: &str = "/health-report";

/// The health check would ask its own report, which answers even when the app does not.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{REPORT}` is the health check's own page, which answers even when the app does not")]
#[diagnostic(help("name a page of the app: \"/healthz\""))]
struct OwnReport;

/// Reads `[app]`; `None` where a problem has been noted.
pub(super) fn app(mut table: Table<'_>, project: &Path, package: Option<&str>) -> Option<App> {
    let kind_name = kind::name(&mut table);
    let folder = kind::folder(&mut table, kind_name, project);
    let kind = kind::read(&mut table, kind_name, folder.as_deref(), project);
    let is_crate = kind.as_ref().is_some_and(|kind| kind.of_crate().is_some());
    let depends = table.relations("depends", package);
    let requirements = table.text("requirements", |text| files::file(text, project));
    let from_debian = match table.has_word("from-debian") {
        true => FromDebian::AllThatFit,
        false => match table.checked_list("from-debian", index::library).map(|list| list.value) {
            Some(names) if !names.is_empty() => FromDebian::Named(names),
            _ => FromDebian::Nothing,
        },
    };
    let index = table.text("index", index::address);
    let build_packages = table.relations("build-packages", package);
    let build_command = table.text("build-command", |text| command::command_line(text, folder.as_deref()));
    let release_command = table.text("release-command", |text| {
        command::command_line(text, folder.as_deref().filter(|_| build_command.is_none() && !is_crate))
    });
    let limits = process::read_limits(&mut table);
    let environment = table.table("environment").map(read_environment).unwrap_or_default();
    let mut patterns = |key| table.checked_list(key, Pattern::parse).map(|list| list.value).unwrap_or_default();
    let (include, exclude) = (patterns("include"), patterns("exclude"));
    table.finish();
    Some(App {
        folder: folder?,
        kind: kind?,
        depends,
        requirements,
        from_debian,
        index,
        build_packages,
        build_command,
        release_command,
        limits,
        environment,
        include,
        exclude,
    })
}

fn read_environment(table: Table<'_>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in table.pairs() {
        let name = table.accept(name, environment::variable_name);
        let place = value.place.clone();
        let Some((name, value)) = name.zip(table.accept(value, environment::variable_value)) else { continue };
        let item = Item { value: (name, value), place };
        let short =
            |(name, value): (String, String)| environment::variable_length(&name, &value).map(|()| (name, value));
        pairs.extend(table.accept(item, short));
    }
    pairs.sort();
    if let Err(mistake) = environment::total_length(&pairs) {
        table.problems.add(table.place(), mistake);
    }
    pairs
}

/// Reads `[database]`; `None` where a problem has been noted.
pub(super) fn database(mut table: Table<'_>, app: Option<&Path>, package: Option<&str>) -> Option<Database> {
    let name = table.text("name", database::database_name).or_else(|| package.map(str::to_owned));
    let migrations = match (table.optional::<&str>("migrations"), app) {
        (Some(item), Some(app)) => table.accept(item, |text| files::migrations(text, app)),
        _ => None,
    };
    table.finish();
    Some(Database { name: name?, migrations })
}

/// Reads `[health]`; `None` where a problem has been noted.
pub(super) fn health(mut table: Table<'_>) -> Option<Health> {
    let on_boot = table.checked_or_default("on-boot", time_span::time_span);
    let interval = table.checked_or_default("interval", time_span::time_span);
    let path = table.text_or_default("path").and_then(|item| {
        let place = item.place.clone();
        let path = table.accept(item, host::path)?;
        if path == REPORT {
            table.problems.add(&place, OwnReport);
        }
        Some(path)
    });
    table.finish();
    Some(Health { on_boot: on_boot?, interval: interval?, path: path? })
}
