//! Turns the text of `stack.toml` into a [`Stack`], with one file for each table. Everything is read and checked before
//! the first mistake is reported, so that a user sees all mistakes at once.

mod app;
mod changelog;
mod further_file;
mod further_package;
mod image;
mod kind;
mod package;
mod process;
mod relations;
mod service;
mod site;
mod table;
mod tls;
mod value;
mod variant;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use toml::de::DeTable;

use super::model::Stack;
use super::nearest::nearest;
use super::problem::{LoadError, ManifestPlace, Problems};
use super::reference::DOCUMENT;
use super::variant::Variants;
use table::Table;

/// The name of a manifest.
pub const FILE_NAME: &str = "stack.toml";

/// A mistake that concerns the file as a whole.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum FileMistake {
    #[error("there is nothing in it")]
    #[diagnostic(help("`stackdeb new NAME` writes a project with an example of every key that is required"))]
    Empty,
    #[error("the byte 0x{0:02x} is not UTF-8")]
    #[diagnostic(help("save the file as UTF-8: TOML allows no other encoding"))]
    NotUtf8(u8),
    #[error("not TOML: {0}")]
    #[diagnostic(help("https://toml.io/en/v1.0.0 shows how it is written"))]
    Syntax(String),
    #[error("`{0}` stands here for a second time")]
    #[diagnostic(help("keep one of the two"))]
    Duplicate(String),
}

/// Reads a manifest, and checks every value and that every file it names exists.
///
/// `path` is the file, or the folder that holds it as `stack.toml`.
///
/// # Errors
/// When the file cannot be read, or has mistakes. The error has all mistakes, each with its line, the reason, and what to
/// write instead.
pub fn load(path: &Path) -> Result<Stack, LoadError> {
    load_variant(path, None)
}

/// As [`load`]; with the name of a variant, the stack that it makes. All variants are checked, also those
/// that are not asked for.
///
/// # Errors
/// As [`load`], and when there is no such variant.
pub fn load_variant(path: &Path, variant: Option<&str>) -> Result<Stack, LoadError> {
    let path = if path.is_dir() {
        let file = path.join(FILE_NAME);
        if !file.exists() {
            return Err(LoadError::NoManifest(path.display().to_string()));
        }
        file
    } else {
        path.to_owned()
    };
    let shown = path.strip_prefix(".").unwrap_or(&path).display().to_string();
    let unreadable = |source| LoadError::Unreadable { path: shown.clone(), source };
    if !fs::metadata(&path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    let bytes = fs::read(&path).map_err(unreadable)?;
    let absolute = std::path::absolute(&path).map_err(unreadable)?;
    let folder = absolute.parent().map(Path::to_owned).unwrap_or_default();
    match String::from_utf8(bytes) {
        Ok(text) => parse(&text, &shown, &folder, variant),
        Err(error) => Err(not_utf8(&error, &shown)),
    }
}

fn not_utf8(error: &std::string::FromUtf8Error, shown: &str) -> LoadError {
    let at = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(at).copied().unwrap_or_default();
    let problems = Problems::default();
    problems.add(&ManifestPlace { key: String::new(), span: at..at.saturating_add(1) }, FileMistake::NotUtf8(byte));
    problems.into_error(shown, &String::from_utf8_lossy(error.as_bytes()))
}

fn parse(text: &str, shown: &str, folder: &Path, wanted: Option<&str>) -> Result<Stack, LoadError> {
    let (problems, empty) = (Problems::default(), DeTable::new());
    let place = |span| ManifestPlace { key: String::new(), span };
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let words = text.get(span.clone()).unwrap_or_default();
            problems.add(
                &place(span),
                match error.message() {
                    "duplicate key" => FileMistake::Duplicate(words.to_owned()),
                    message => FileMistake::Syntax(message.to_owned()),
                },
            );
            return Err(problems.into_error(shown, text));
        }
    };
    if document.get_ref().is_empty() {
        problems.add(&place(0..0), FileMistake::Empty);
        return Err(problems.into_error(shown, text));
    }
    let plain = read(Table::new(place(0..0), document.get_ref(), &DOCUMENT, &problems), &empty, folder.to_owned());
    let variants = variant::merge_all(document.get_ref(), &problems);
    let names: Vec<String> = variants.iter().map(|merged| merged.variant.name.clone()).collect();
    let mut asked = if wanted.is_none() { plain } else { None };
    let mut chosen = None;
    for merged in variants {
        let found = Problems::default();
        let stack = read(Table::new(place(0..0), &merged.table, &DOCUMENT, &found), &empty, folder.to_owned());
        merged.report(found, &problems);
        if wanted == Some(&merged.variant.name) {
            asked = stack;
            chosen = Some(merged.variant);
        }
    }
    if !problems.is_empty() {
        return Err(problems.into_error(shown, text));
    }
    match asked {
        Some(stack) => Ok(Stack { variants: Variants { names, chosen }, ..stack }),
        None => Err(no_variant(shown, wanted.unwrap_or_default(), &names)),
    }
}

fn no_variant(path: &str, wanted: &str, names: &[String]) -> LoadError {
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    LoadError::NoVariant {
        path: path.to_owned(),
        name: wanted.escape_debug().to_string(),
        suggestion: nearest(wanted, &known).map(str::to_owned),
        known: known.join(", "),
    }
}

/// Reads the whole document. `empty` is read in place of a table that is not there. Returns `None` only when
/// a problem has been noted.
fn read<'a>(mut document: Table<'a>, empty: &'a DeTable<'a>, folder: PathBuf) -> Option<Stack> {
    let (mut header, further) = document.first_and_further("package");
    let own_name = header.as_mut().and_then(Table::name_if_there);
    let app = document.table_or("app", empty);
    let site = document.table_or("site", empty);
    let database = document.table("database");
    let health = document.table_or("health", empty);
    let image = document.table_or("image", empty);
    let changelog = changelog::read(&mut document);
    let package = header.and_then(|table| package::read(table, changelog, &folder));
    let name = package.as_ref().map(|package| package.name.as_str());
    let newest = package.as_ref().and_then(|package| package.changelog.first()).map(|entry| entry.date.day());
    let app = app::app(app, &folder, name);
    kind::refuse_programs(&mut document, app.as_ref().map(|app| &app.kind));
    let app_folder = app.as_ref().map(|app| app.folder.as_path());
    let database = database.map(|table| app::database(table, app_folder, name));
    // A build command or cargo may make the programs.
    let is_built = app.as_ref().is_some_and(|app| app.build_command.is_some() || app.kind.of_crate().is_some());
    let folder_of_programs = app_folder.filter(|_| !is_built);
    let process::Processes { workers, timers } = process::read(&mut document, folder_of_programs, newest);
    let image = image::read(image, &folder, name);
    let built = app.as_ref().filter(|app| app.build_command.is_some()).map(|app| app.folder.as_path());
    let (site, health) = (site::site(site, &folder, built), app::health(health));
    kind::refuse_port(&mut document, app.as_ref().map(|app| &app.kind), site.as_ref());
    let services = service::read(&mut document);
    let further = further_package::read(further, package.as_ref(), own_name);
    let files = further_file::read(&mut document, &folder, name, &further.holders);
    let files = files.and_then(|files| further_package::with_files(further, files, document.problems));
    document.is_read_elsewhere(variant::KEY);
    document.finish();
    let (further_files, further_packages) = files?;
    let mut stack = Stack {
        folder,
        package: package?,
        app: app?,
        workers,
        timers,
        services: services?,
        site: site?,
        database: None,
        health: health?,
        further_files,
        further_packages,
        image: image?,
        variants: Variants::default(),
    };
    stack.database = match database {
        Some(database) => Some(database?),
        None => None,
    };
    let (package, database, health) = (&mut stack.package, stack.database.as_ref(), &stack.health);
    if package.description.is_empty() {
        package.description = package::default_description(package, &stack.app.kind, database, health);
    }
    Some(stack)
}
