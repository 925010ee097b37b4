//! The tables `[app]`, `[database]` and `[health]`: what runs on the server.

use std::path::Path;

use miette::Diagnostic;

use super::process;
use super::table::{Item, Table};
use crate::stack::Pattern;
use crate::stack::kind::{AppKind, Interface, PythonApp, Server};
use crate::stack::model::{App, Database, FromDebian, Health};
use crate::stack::problem::Place;
use crate::stack::values::{command, database, environment, files, host, index, python, server, time_span};

/// The page of the package's nginx site that shows the report of the health check.
pub(super) const REPORT: &str = "/health-report";

/// The health check would ask its own report, which answers even when the app does not.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{REPORT}` is the health check's own page, which answers even when the app does not")]
#[diagnostic(help("name a page of the app: \"/healthz\""))]
struct OwnReport;

/// Reads `[app]`; `None` where a problem has been noted.
pub(super) fn app(mut table: Table<'_>, project: &Path, package: Option<&str>) -> Option<App> {
    let folder = table.checked_or_default("folder", |text| files::packed_folder(text, project));
    let kind = read_python(&mut table, folder.as_deref(), project).map(AppKind::Python);
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
    let release_command = table.text("release-command", |text| command::command_line(text, folder.as_deref()));
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

/// Reads what a Python application has; `None` where a problem has been noted.
fn read_python(table: &mut Table<'_>, folder: Option<&Path>, project: &Path) -> Option<PythonApp> {
    let interface = table.checked_or_default("kind", server::kind);
    let module = read_module(table, folder, project, interface);
    let server = read_server(table, interface);
    let workers = table.number("workers");
    let threads = read_threads(table, interface);
    Some(PythonApp { interface: interface?, server: server?, module: module?, workers, threads })
}

/// `[app] server`, which must run applications of that kind; Gunicorn when it is left out.
fn read_server(table: &mut Table<'_>, kind: Option<Interface>) -> Option<Server> {
    let Some(item) = table.optional::<&str>("server") else { return Some(Server::Gunicorn) };
    table.accept(item, |text| server::server(text, kind))
}

/// Reads the number of threads, which an ASGI application chooses itself.
fn read_threads(table: &mut Table<'_>, kind: Option<Interface>) -> Option<u16> {
    let threads = table.number("threads")?;
    if kind == Some(Interface::Asgi) {
        let place = table.place().clone();
        table.problems.add(&Place { key: format!("{}.threads", place.key), ..place }, server::ThreadsOfAsgi);
    }
    Some(threads)
}

/// Reads what Gunicorn loads, and checks that the module's file exists and has it.
fn read_module(
    table: &mut Table<'_>,
    folder: Option<&Path>,
    project: &Path,
    kind: Option<Interface>,
) -> Option<String> {
    let item = table.text_or_default("module")?;
    let place = item.place.clone();
    let module = table.accept(item, python::module)?;
    if let Some(folder) = folder {
        let file = table
            .accept(Item { value: module.as_str(), place: place.clone() }, |text| python::module_file(text, folder))?;
        table.accept(Item { value: module.as_str(), place }, |text| python::application(text, &file, project, kind))?;
    }
    Some(module)
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
