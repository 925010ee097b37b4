//! `[app] kind`, and the keys that only some kinds have.

use std::path::{Path, PathBuf};

use miette::Diagnostic;

use super::table::{Item, Table};
use crate::stack::kind::{
    AppKind, AppServer, CrateFiles, CrateOrigin, Interface, KindName, Listen, Program, ProgramOrigin, PythonApp,
    StaticSite,
};
use crate::stack::problem::ManifestPlace;
use crate::stack::site::Site;
use crate::stack::values::command::CommandError;
use crate::stack::values::{command, files, host, python, server};

/// A key of another kind.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is not for the kind `{kind}`")]
#[diagnostic(help("leave it out: it is for {for_kinds}"))]
struct OtherKind {
    kind: &'static str,
    for_kinds: String,
}

/// A port for a program that listens elsewhere.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is for a program that listens on a port")]
#[diagnostic(help("leave it out, or write listen = \"port\""))]
struct PortOfNothing;

/// A port for a program that nginx listens on.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is {0}, and nginx listens there for the site")]
#[diagnostic(help(
    "choose another port for the program: nginx passes the requests on to it, and nobody else need know it"
))]
struct PortOfSite(u16);

/// A table for programs, in a stack that has none.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is for programs, and a site of the kind `static` has none: nginx serves its files")]
#[diagnostic(help("leave the table out, or name the kind of the application: [app] kind = \"wsgi\""))]
struct NoPrograms;

/// A program by a path in the app's folder, for a crate.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is `{0}`, a path in the app's folder, and a crate's programs are where its assets install them")]
#[diagnostic(help("write its name, such as `shop` for /usr/bin/shop, or its absolute path on the server"))]
struct InFolder(String);

const PYTHON: &[KindName] = &[KindName::Wsgi, KindName::Asgi];
const EXEC: &[KindName] = &[KindName::Exec, KindName::Cargo];
const CARGO: &[KindName] = &[KindName::Cargo];
const PROGRAMS: &[KindName] = &[KindName::Wsgi, KindName::Asgi, KindName::Exec, KindName::Cargo];
const FOLDERS_OF_PROGRAMS: &[KindName] = &[KindName::Wsgi, KindName::Asgi, KindName::Exec];
const FOLDERS: &[KindName] = &[KindName::Wsgi, KindName::Asgi, KindName::Exec, KindName::Static];
const STATIC: &[KindName] = &[KindName::Static];

/// The keys of `[app]` that not every kind has, with the kinds that have them.
const OWN: &[(&str, &[KindName])] = &[
    ("server", PYTHON),
    ("module", PYTHON),
    ("workers", PYTHON),
    ("threads", PYTHON),
    ("command", EXEC),
    ("listen", EXEC),
    ("port", EXEC),
    ("jit", EXEC),
    ("member", CARGO),
    ("metadata-variant", CARGO),
    ("publish", STATIC),
    ("fallback", STATIC),
    ("depends", PROGRAMS),
    ("requirements", FOLDERS_OF_PROGRAMS),
    ("from-debian", FOLDERS_OF_PROGRAMS),
    ("index", FOLDERS_OF_PROGRAMS),
    ("build-packages", FOLDERS),
    ("build-command", FOLDERS),
    ("include", FOLDERS),
    ("exclude", FOLDERS),
    ("release-command", PROGRAMS),
    ("memory-max", PROGRAMS),
    ("cpu-quota", PROGRAMS),
    ("environment", PROGRAMS),
];

/// The tables of the document that only a stack with programs has.
const OF_PROGRAMS: &[&str] = &["worker", "timer", "database", "service"];

/// Reads the kind, and notes the keys of `[app]` that it does not have; `None` where a problem has been noted.
pub(super) fn name(table: &mut Table<'_>) -> Option<KindName> {
    let name = table.checked_or_default("kind", server::kind);
    refuse_others(table, name);
    name
}

/// Reads the app's folder. That of a crate may be the project's own, and is if the key is left out.
pub(super) fn folder(table: &mut Table<'_>, name: Option<KindName>, project: &Path) -> Option<PathBuf> {
    if name != Some(KindName::Cargo) {
        return table.checked_or_default("folder", |text| files::packed_folder(text, project));
    }
    match table.optional::<&str>("folder") {
        Some(item) => table.accept(item, |text| files::crate_folder(text, project)),
        None => table.required_text("kind", |_| files::crate_folder("", project)),
    }
}

/// Reads what the kind of `[app]` alone has; `None` where a problem has been noted.
pub(super) fn read(
    table: &mut Table<'_>,
    name: Option<KindName>,
    folder: Option<&Path>,
    project: &Path,
) -> Option<AppKind> {
    match name {
        Some(KindName::Wsgi | KindName::Asgi) | None => {
            read_python(table, folder, project, name?.interface()?).map(AppKind::Python)
        }
        Some(KindName::Exec) => read_exec(table, folder).map(AppKind::Exec),
        Some(KindName::Cargo) => read_cargo(table).map(AppKind::Exec),
        Some(KindName::Static) => read_static(table, folder).map(AppKind::Static),
    }
}

/// Notes the keys that this kind does not have. If its name is wrong, nothing is known of the others.
fn refuse_others(table: &mut Table<'_>, name: Option<KindName>) {
    for (key, kinds) in OWN {
        let place = table.place_if_there(key);
        if let (Some(place), Some(name)) = (place, name)
            && !kinds.contains(&name)
        {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
            table.problems.add(&place, OtherKind { kind: name.as_str(), for_kinds: kinds.join(", ") });
        }
    }
}

/// Notes the tables for programs in a document whose app has none.
pub(super) fn refuse_programs(document: &mut Table<'_>, kind: Option<&AppKind>) {
    if kind.is_none_or(AppKind::has_processes) {
        return;
    }
    for key in OF_PROGRAMS {
        if let Some(place) = document.place_if_there(key) {
            document.problems.add(&place, NoPrograms);
        }
    }
}

fn read_exec(table: &mut Table<'_>, folder: Option<&Path>) -> Option<Program> {
    let is_built = table.place_if_there("build-command").is_some();
    let command = table.required_text("command", |text| command::command_line(text, folder.filter(|_| !is_built)));
    let port = table.number("port");
    let listen = table.checked_or_default("listen", |text| server::listen(text, port.unwrap_or_default()));
    if let (Some(place), Some(Listen::Socket | Listen::Path)) = (table.place_if_there("port"), listen) {
        table.problems.add(&place, PortOfNothing);
    }
    let jit = table.flag("jit");
    Some(Program { command: command?, listen: listen.filter(|_| port.is_some())?, jit, origin: ProgramOrigin::Folder })
}

/// The keys of a program whose files are a crate's. cargo makes them when the package is built.
fn read_cargo(table: &mut Table<'_>) -> Option<Program> {
    let [member, metadata_variant] =
        ["member", "metadata-variant"].map(|key| table.text(key, |text| Ok::<_, CommandError>(text.to_owned())));
    let program = read_exec(table, None);
    let program = program.filter(|program| {
        let in_folder = program.command.in_app().zip(table.place_if_there("command"));
        in_folder.map(|(_, place)| table.problems.add(&place, InFolder(program.command.program.clone()))).is_none()
    })?;
    let origin = ProgramOrigin::Crate(CrateOrigin { member, metadata_variant, files: CrateFiles::default() });
    Some(Program { origin, ..program })
}

/// Notes a port for the app that nginx listens on.
pub(super) fn refuse_port(document: &mut Table<'_>, kind: Option<&AppKind>, site: Option<&Site>) {
    let (Some(kind), Some(site)) = (kind, site) else { return };
    if let (Some(Listen::Port(port)), Some(place)) = (kind.listen(), document.place_if_there("app"))
        && site.ports().contains(&port)
    {
        document.problems.add(&ManifestPlace { key: "app.port".to_owned(), ..place }, PortOfSite(port));
    }
}

fn read_static(table: &mut Table<'_>, folder: Option<&Path>) -> Option<StaticSite> {
    let is_built = table.place_if_there("build-command").is_some();
    let publish = match table.optional::<&str>("publish") {
        Some(item) => table.accept(item, |text| files::published(text, folder.filter(|_| !is_built)))?,
        None => PathBuf::new(),
    };
    let fallback = match table.optional::<&str>("fallback") {
        Some(item) => Some(table.accept(item, host::file_path)?),
        None => None,
    };
    Some(StaticSite { publish, fallback })
}

fn read_python(
    table: &mut Table<'_>,
    folder: Option<&Path>,
    project: &Path,
    interface: Interface,
) -> Option<PythonApp> {
    let module = read_module(table, folder, project, interface);
    let server = read_server(table, interface);
    let workers = table.number("workers");
    let threads = read_threads(table, interface);
    Some(PythonApp { interface, server: server?, module: module?, workers, threads })
}

/// `[app] server`, which must run applications of that kind; Gunicorn when it is left out.
fn read_server(table: &mut Table<'_>, interface: Interface) -> Option<AppServer> {
    let Some(item) = table.optional::<&str>("server") else { return Some(AppServer::Gunicorn) };
    table.accept(item, |text| server::server(text, Some(interface)))
}

/// Reads the number of threads, which an ASGI application chooses itself.
fn read_threads(table: &mut Table<'_>, interface: Interface) -> Option<u16> {
    let threads = table.number("threads")?;
    if interface == Interface::Asgi {
        let place = table.place().clone();
        table.problems.add(&ManifestPlace { key: format!("{}.threads", place.key), ..place }, server::ThreadsOfAsgi);
    }
    Some(threads)
}

/// Reads what Gunicorn loads, and checks that the module's file exists and has it.
fn read_module(table: &mut Table<'_>, folder: Option<&Path>, project: &Path, interface: Interface) -> Option<String> {
    let item = table.text_or_default("module")?;
    let place = item.place.clone();
    let module = table.accept(item, python::module)?;
    if let Some(folder) = folder {
        let file = table
            .accept(Item { value: module.as_str(), place: place.clone() }, |text| python::module_file(text, folder))?;
        table.accept(Item { value: module.as_str(), place }, |text| {
            python::application(text, &file, project, Some(interface))
        })?;
    }
    Some(module)
}
