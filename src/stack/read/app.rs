//! The tables `[app]`, `[site]`, `[database]` and `[health]`: what runs on the server.

use std::path::Path;

use miette::Diagnostic;

use super::table::{Item, Table};
use crate::stack::model::{App, Database, Health, Site};
use crate::stack::problem::Place;
use crate::stack::values::{database, files, host, python, size, time_span};

/// A number or a list that will not do.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum AppError {
    #[error("0 is not a TCP port: ports go from 1 to 65535")]
    #[diagnostic(help("the web's own is 80; leave the key out for it"))]
    Port,
    #[error("{0} is not between 1 and {1}")]
    #[diagnostic(help("leave the key out for a number that suits the machine"))]
    Count(u16, u16),
    #[error("is an empty list")]
    #[diagnostic(help("name the site's hosts, or leave the key out: the site then answers to every name"))]
    NoServerNames,
}

/// More processes or threads than this are a slip.
const MOST: u16 = 1024;

/// Reads `[app]`; `None` where a problem has been noted.
pub(super) fn app(mut table: Table<'_>, project: &Path, package: Option<&str>) -> Option<App> {
    let place = |table: &Table<'_>| Place { key: "app.folder".to_owned(), span: table.place().span.clone() };
    let folder = table.optional::<&str>("folder").unwrap_or_else(|| Item { value: "app", place: place(&table) });
    let folder = table.accept(folder, |text| files::app_folder(text, project));
    let module = read_module(&mut table, folder.as_deref());
    let depends = table.relations("depends", package);
    let workers = count(&mut table, "workers");
    let threads = count(&mut table, "threads").unwrap_or(4);
    let environment = table.table("environment").map(read_environment).unwrap_or_default();
    table.finish();
    Some(App { folder: folder?, module: module?, depends, workers, threads, environment })
}

/// What Gunicorn loads: well formed, and its file is there.
fn read_module(table: &mut Table<'_>, folder: Option<&Path>) -> Option<String> {
    let place = Place { key: "app.module".to_owned(), span: table.place().span.clone() };
    let item = table.optional::<&str>("module").unwrap_or(Item { value: "app:app", place });
    let place = item.place.clone();
    let module = table.accept(item, python::module)?;
    if let Some(folder) = folder {
        table.accept(Item { value: module.as_str(), place }, |text| python::module_exists(text, folder))?;
    }
    Some(module)
}

fn count(table: &mut Table<'_>, key: &'static str) -> Option<u16> {
    let item = table.number(key)?;
    table.accept(item, |number| (1..=MOST).contains(&number).then_some(number).ok_or(AppError::Count(number, MOST)))
}

fn read_environment(table: Table<'_>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in table.pairs() {
        let (name, value) = (table.accept(name, python::variable_name), table.accept(value, python::variable_value));
        pairs.extend(name.zip(value));
    }
    pairs.sort();
    pairs
}

/// Reads `[site]`.
pub(super) fn site(mut table: Table<'_>) -> Site {
    let port = table
        .number("port")
        .and_then(|item| table.accept(item, |port| if port == 0 { Err(AppError::Port) } else { Ok(port) }));
    let names = table.checked_list("server-names", host::server_name);
    if let Some(empty) = names.as_ref().filter(|names| names.value.is_empty()) {
        table.problems.add(&empty.place, AppError::NoServerNames);
    }
    let max_body_size = table.text("max-body-size", size::body_size).unwrap_or_else(|| "10m".to_owned());
    table.finish();
    let server_names = names.map_or_else(|| vec!["_".to_owned()], |names| names.value);
    Site { port: port.unwrap_or(80), server_names, max_body_size }
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

/// Reads `[health]`.
pub(super) fn health(mut table: Table<'_>) -> Health {
    let on_boot = table.text("on-boot", time_span::time_span).unwrap_or_else(|| "2min".to_owned());
    let interval = table.text("interval", time_span::time_span).unwrap_or_else(|| "10min".to_owned());
    let path = table.text("path", host::path).unwrap_or_else(|| "/healthz".to_owned());
    table.finish();
    Health { on_boot, interval, path }
}
