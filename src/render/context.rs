//! The variables of the templates in `debian/`, `units/` and `nginx/`. They are not nested, so that a template looks like
//! the file that it makes. `debian/README.md` lists them.

use serde::Serialize;

use super::further_files::HandedOver;
use super::libraries;
use super::process_variables::ProcessVariables;
use super::server::ServerVariables;
use super::site::SiteVariables;
use crate::python::{Libraries, Roots};
use crate::stack::{Listen, Stack, Unit, UnitStart};

/// Every variable. A value that may be missing is then an empty text, and a variable `has_…` says so.
#[derive(Debug, Serialize)]
pub(super) struct Context {
    /// The package's name; also that of the user, the role, the units and the folders.
    name: String,
    version: String,
    maintainer: String,
    summary: String,
    has_homepage: bool,
    homepage: String,
    /// `Documentation=` of the units: the home page, else the address of the folder `/usr/share/doc/NAME`.
    documentation: String,
    /// The copyright lines; each further one is indented.
    copyright: String,
    license: String,
    /// The text of the licence as the continuation of a field in DEP-5: indented, with ` .` for an empty line.
    license_body: String,

    /// Whether the stack runs programs of its own, beside its health check.
    has_processes: bool,
    /// The folder with the app's files.
    app_folder: String,
    /// Whether systemd holds the socket that the app serves on.
    has_socket: bool,
    /// Whether the app serves on a TCP port of the loopback, and which one.
    listens_on_port: bool,
    app_port: u16,
    /// Whether the app makes the Unix socket that it serves on.
    listens_on_path: bool,
    /// The path of the Unix socket that the app serves on; empty when it serves on a port.
    app_socket: String,
    /// The same socket or port, as nginx writes it.
    app_address: String,
    /// Whether no memory of the app may be both written and executed.
    denies_write_execute: bool,
    /// Lintian's overrides for programs in machine code; empty without such programs.
    pub(super) program_overrides: String,
    environment: Vec<Variable>,
    /// Whether libraries from the index are packed.
    has_libraries: bool,
    /// The folder that Python imports them from.
    libraries: String,
    /// What the copyright file says about each of them.
    library_papers: String,
    library_overrides: String,
    /// The further files that are not root's alone. [`Context::of`] looks at no file, so the code that renders a package sets them.
    pub(super) handed_over: Vec<HandedOver>,
    /// Whether the app depends on a package of Flask's.
    has_flask: bool,

    #[serde(flatten)]
    site: SiteVariables,

    has_database: bool,
    database: String,
    /// The folder of the migrations on the server; empty without migrations.
    migrations: String,

    health_on_boot: String,
    health_interval: String,
    /// The path of the health page.
    health_path: String,
    /// The address that the health check requests, from nginx on this machine.
    health_url: String,

    #[serde(flatten)]
    server: ServerVariables,
    /// What a unit of the app's code needs, and the lists of such units.
    #[serde(flatten)]
    pub(super) process: ProcessVariables,

    /// The units that are enabled, in the order in which they start.
    units: Vec<String>,
    /// The units that are never enabled, because another unit starts them.
    triggered_units: Vec<String>,
}

/// A variable for the app.
#[derive(Debug, Serialize)]
pub(super) struct Variable {
    name: String,
    value: String,
}

impl Variable {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

impl Context {
    /// The variables for a stack.
    pub(super) fn of(stack: &Stack, libraries: &Libraries) -> Self {
        let (package, app, site, health) = (&stack.package, &stack.app, &stack.site, &stack.health);
        let name = package.name.to_string();
        let roots = Roots::of(&name);
        let database = stack.database.as_ref();
        let migrations = database.and_then(|database| database.migrations.as_ref());
        let environment = app.environment.iter().map(|(name, value)| Variable::new(name, value));
        let (enabled, triggered): (Vec<Unit>, Vec<Unit>) =
            stack.units().into_iter().partition(|unit| unit.start == UnitStart::Boot);
        let listen = app.kind.listen();
        let app_port = match listen {
            Some(Listen::Port(port)) => port,
            _ => 0,
        };
        let app_socket = match listen {
            Some(Listen::Socket) => format!("/run/{name}/{name}.sock"),
            Some(Listen::Path) => format!("/run/{name}/app/http.sock"),
            Some(Listen::Port(_)) | None => String::new(),
        };
        let names = |units: Vec<Unit>| units.into_iter().map(|unit| unit.name).collect();
        Self {
            version: package.version.to_string(),
            maintainer: package.maintainer.clone(),
            summary: package.summary.clone(),
            has_homepage: package.homepage.is_some(),
            homepage: package.homepage.clone().unwrap_or_default(),
            documentation: package.homepage.clone().unwrap_or_else(|| format!("file:///usr/share/doc/{name}/")),
            copyright: package.copyright.join("\n           "),
            license: package.license.clone(),
            license_body: continuation(package.license_text.as_deref().unwrap_or_default()),
            has_processes: app.kind.has_processes(),
            app_folder: stack.app_folder(),
            has_socket: app.kind.has_socket(),
            listens_on_port: matches!(listen, Some(Listen::Port(_))),
            app_port,
            listens_on_path: listen == Some(Listen::Path),
            app_address: match listen {
                Some(Listen::Port(port)) => format!("127.0.0.1:{port}"),
                Some(Listen::Socket | Listen::Path) => format!("unix:{app_socket}"),
                None => String::new(),
            },
            app_socket,
            denies_write_execute: stack.denies_write_execute(),
            program_overrides: String::new(),
            environment: environment.collect(),
            has_libraries: !libraries.all.is_empty(),
            library_papers: libraries::papers(libraries, &roots),
            library_overrides: libraries::overrides(libraries, &roots, &name),
            libraries: roots.libraries,
            handed_over: Vec::new(),
            has_flask: app
                .depends
                .0
                .iter()
                .flat_map(|one| &one.0)
                .any(|one| one.name.as_str().starts_with("python3-flask"))
                || libraries.provide("flask"),
            site: SiteVariables::of(stack),
            has_database: database.is_some(),
            database: database.map(|database| database.name.clone()).unwrap_or_default(),
            migrations: migrations.map(|path| format!("{}/{}", stack.app_folder(), path.display())).unwrap_or_default(),
            health_on_boot: health.on_boot.clone(),
            health_interval: health.interval.clone(),
            health_path: health.path.clone(),
            health_url: format!("http://127.0.0.1:{}{}", site.port, health.path),
            server: ServerVariables::of(stack, libraries),
            process: ProcessVariables::of_app(stack),
            units: names(enabled),
            triggered_units: names(triggered),
            name,
        }
    }
}

/// A text as the continuation lines of a field (Debian Policy 5.1).
fn continuation(text: &str) -> String {
    let lines = text.trim().lines().map(|line| match line.trim_end() {
        "" => " .".to_owned(),
        line => format!(" {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
impl Context {
    /// Variables with values that need escaping.
    pub(super) fn sample() -> Self {
        let text = String::new;
        Self {
            name: "stack".to_owned(),
            version: "1.0.0".to_owned(),
            maintainer: "Jane Doe <jane@example.org>".to_owned(),
            summary: "50% <b>&\"quoted\"</b>".to_owned(),
            has_homepage: false,
            homepage: text(),
            documentation: text(),
            copyright: text(),
            license: text(),
            license_body: text(),
            has_processes: true,
            app_folder: text(),
            has_socket: true,
            listens_on_port: false,
            app_port: 0,
            listens_on_path: false,
            app_socket: text(),
            app_address: text(),
            denies_write_execute: false,
            program_overrides: text(),
            environment: vec![Variable::new("KEY", "value")],
            has_libraries: false,
            libraries: text(),
            library_papers: text(),
            library_overrides: text(),
            handed_over: Vec::new(),
            has_flask: false,
            site: SiteVariables::sample(),
            has_database: false,
            database: text(),
            migrations: text(),
            health_on_boot: text(),
            health_interval: text(),
            health_path: text(),
            health_url: text(),
            server: ServerVariables::default(),
            process: ProcessVariables::default(),
            units: Vec::new(),
            triggered_units: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_on_as_policy_5_1_has_it() {
        assert_eq!(continuation("One\n\nTwo  \n"), " One\n .\n Two");
    }
}
