//! The server that runs the app: the variables that the templates have about it, the files that it needs, and its packages.

use serde::Serialize;

use super::destination::{Destination, FileKind};
use super::error::RenderError;
use super::template::{Template, template};
use crate::python::{Libraries, Roots};
use crate::stack::{AppKind, AppServer, Interface, PythonApp, Stack};

/// uvicorn, and the library with which it asks idle WebSockets whether they are still there (nginx closes them otherwise):
/// the package of each, and its name in the index.
const UVICORN: [(&str, &str); 2] = [("python3-uvicorn", "uvicorn"), ("python3-websockets", "websockets")];

/// Its package, its program, and its name in the index.
const GUNICORN: &str = "gunicorn";

/// Its name in the index. Debian does not have it.
const GRANIAN: &str = "granian";

/// Debian's packages of uWSGI, and its names in the index: the second has wheels, with Python in the program.
const UWSGI: [&str; 2] = ["uwsgi-core", "uwsgi-plugin-python3"];
const UWSGI_LIBRARIES: [&str; 2] = ["uwsgi", "pyuwsgi"];

/// A part of `gunicorn.conf.py`, `uvicorn.conf.py` and `granian.conf.py`.
pub(super) const PROCESSES: Template = template!("debian/processes");

/// What the templates have about the server.
#[derive(Debug, Default, Serialize)]
pub(super) struct ServerVariables {
    /// Whether the app is a Python application.
    is_python: bool,
    /// What the server loads: `MODULE:VARIABLE`.
    module: String,
    is_asgi: bool,
    has_workers: bool,
    workers: u16,
    has_threads: bool,
    threads: u16,
    is_gunicorn: bool,
    is_uvicorn: bool,
    is_granian: bool,
    is_uwsgi: bool,
    /// The path of the program Gunicorn on the server.
    gunicorn: String,
    /// The path of the program uWSGI on the server.
    uwsgi: String,
    /// Whether uWSGI is Debian's, where Python is a plugin.
    has_uwsgi_plugin: bool,
    /// Whether an ending server leaves connections open for requests that nginx is just sending.
    keeps_connections: bool,
}

impl ServerVariables {
    pub(super) fn of(stack: &Stack, libraries: &Libraries) -> Self {
        match &stack.app.kind {
            AppKind::Python(app) => Self::of_python(stack, app, libraries),
            AppKind::Exec(_) | AppKind::Static(_) => Self::default(),
        }
    }

    fn of_python(stack: &Stack, app: &PythonApp, libraries: &Libraries) -> Self {
        let roots = Roots::of(stack.package.name.as_str());
        let program = |is_packed: bool, name: &str| match is_packed {
            true => format!("{}/{name}", roots.programs),
            false => format!("/usr/bin/{name}"),
        };
        let server = app.server;
        Self {
            is_python: true,
            module: app.module.clone(),
            is_asgi: app.interface == Interface::Asgi,
            has_workers: app.workers.is_some(),
            workers: app.workers.unwrap_or_default(),
            has_threads: app.threads.is_some(),
            threads: app.threads.unwrap_or_default(),
            is_gunicorn: server == AppServer::Gunicorn,
            is_uvicorn: server == AppServer::Uvicorn,
            is_granian: server == AppServer::Granian,
            is_uwsgi: server == AppServer::Uwsgi,
            gunicorn: program(libraries.has(GUNICORN), GUNICORN),
            uwsgi: program(packs_uwsgi(libraries), "uwsgi"),
            has_uwsgi_plugin: !packs_uwsgi(libraries),
            keeps_connections: matches!(server, AppServer::Gunicorn | AppServer::Uvicorn),
        }
    }
}

fn packs_uwsgi(libraries: &Libraries) -> bool {
    UWSGI_LIBRARIES.iter().any(|library| libraries.has(library))
}

/// Debian's packages that the server needs beside the packed libraries.
///
/// # Errors
/// When Debian does not have the server, and it is not packed.
pub(super) fn packages(app: &PythonApp, libraries: &Libraries) -> Result<Vec<&'static str>, RenderError> {
    let uvicorn = UVICORN.iter().filter(|(_, library)| !libraries.has(library)).map(|(package, _)| *package);
    let mut packages = Vec::new();
    match app.server {
        AppServer::Gunicorn => {
            if !libraries.has(GUNICORN) {
                packages.push(GUNICORN);
            }
            if app.interface == Interface::Asgi {
                packages.extend(uvicorn);
            }
        }
        AppServer::Uvicorn => packages.extend(uvicorn),
        AppServer::Granian if libraries.has(GRANIAN) => {}
        AppServer::Granian => return Err(RenderError::NoGranian),
        AppServer::Uwsgi if packs_uwsgi(libraries) => {}
        AppServer::Uwsgi => packages.extend(UWSGI),
    }
    Ok(packages)
}

/// The files of the server: its configuration, and what starts it.
pub(super) fn files(name: &str, app: &PythonApp) -> Vec<Destination> {
    match (app.server, app.interface) {
        (AppServer::Gunicorn, Interface::Wsgi) => files_of_gunicorn(name),
        (AppServer::Gunicorn, Interface::Asgi) => {
            files_of_gunicorn(name).into_iter().chain(files_of_workers(name)).chain(files_of_asgi(name)).collect()
        }
        (AppServer::Uvicorn, _) => files_of_uvicorn(name).into_iter().chain(files_of_asgi(name)).collect(),
        (AppServer::Granian, Interface::Wsgi) => {
            files_of_granian(name).into_iter().chain(files_of_flask(name)).collect()
        }
        (AppServer::Granian, Interface::Asgi) => {
            files_of_granian(name).into_iter().chain(files_of_flask(name)).chain(files_of_websockets(name)).collect()
        }
        (AppServer::Uwsgi, _) => files_of_uwsgi(name).into_iter().chain(files_of_flask(name)).collect(),
    }
}

/// What [`files`] has for one or the other stack, so that a project may replace each template.
pub(super) fn all_files(name: &str) -> impl Iterator<Item = Destination> {
    let files = [
        files_of_gunicorn,
        files_of_workers,
        files_of_asgi,
        files_of_uvicorn,
        files_of_granian,
        files_of_websockets,
        files_of_flask,
        files_of_uwsgi,
    ];
    let name = name.to_owned();
    files.into_iter().flat_map(move |files| files(&name))
}

fn settings(name: &str, file: &str, template: Template) -> Destination {
    (template, format!("/etc/{name}/{file}"), 0o644, FileKind::Conffile)
}

fn module(name: &str, file: &str, template: Template) -> Destination {
    (template, format!("/usr/libexec/{name}/{file}"), 0o644, FileKind::Plain)
}

fn files_of_gunicorn(name: &str) -> Vec<Destination> {
    vec![settings(name, "gunicorn.conf.py", template!("debian/gunicorn.conf.py"))]
}

/// What Gunicorn needs for the kind `asgi`.
fn files_of_workers(name: &str) -> Vec<Destination> {
    vec![module(name, "asgi_worker.py", template!("debian/asgi_worker.py"))]
}

/// What is the same with uvicorn alone, and in Gunicorn's processes.
fn files_of_asgi(name: &str) -> Vec<Destination> {
    vec![module(name, "asgi_server.py", template!("debian/asgi_server.py"))]
}

fn files_of_uvicorn(name: &str) -> Vec<Destination> {
    vec![
        settings(name, "uvicorn.conf.py", template!("debian/uvicorn.conf.py")),
        module(name, "serve_uvicorn.py", template!("debian/serve_uvicorn.py")),
    ]
}

fn files_of_granian(name: &str) -> Vec<Destination> {
    vec![
        settings(name, "granian.conf.py", template!("debian/granian.conf.py")),
        module(name, "serve_granian.py", template!("debian/serve_granian.py")),
    ]
}

/// What Granian needs for the kind `asgi`.
fn files_of_websockets(name: &str) -> Vec<Destination> {
    vec![module(name, "granian_websockets.py", template!("debian/granian_websockets.py"))]
}

/// Flask's instance folder, for servers whose configuration cannot set it.
fn files_of_flask(name: &str) -> Vec<Destination> {
    vec![module(name, "flask_instance.py", template!("debian/flask_instance.py"))]
}

fn files_of_uwsgi(name: &str) -> Vec<Destination> {
    vec![
        settings(name, "uwsgi.ini", template!("debian/uwsgi.ini")),
        (template!("debian/hand-over-uwsgi"), format!("/usr/libexec/{name}/hand-over-uwsgi"), 0o755, FileKind::Plain),
    ]
}
