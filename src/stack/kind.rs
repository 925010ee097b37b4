//! What answers a site's visitors: the kinds of `[app] kind`, each with what it alone has. Everything that differs from kind
//! to kind begins with a `match` on [`AppKind`].

use std::path::PathBuf;

use super::process::CommandLine;
use crate::control::Relations;
use crate::deb::Payload;

/// Which of the kinds an application is, with the values that only this kind has.
#[derive(Debug, Clone)]
pub enum AppKind {
    /// The kinds `wsgi` and `asgi`.
    Python(PythonApp),
    /// The kinds `exec` and `cargo`: a program in any language.
    Exec(Program),
    /// The kind `static`: files alone, which nginx serves.
    Static(StaticSite),
}

impl AppKind {
    /// Where nginx passes the requests on to; `None` when it answers them itself.
    pub fn listen(&self) -> Option<Listen> {
        match self {
            Self::Python(_) => Some(Listen::Socket),
            Self::Exec(program) => Some(program.listen),
            Self::Static(_) => None,
        }
    }

    /// The crate that the app is, for the kind `cargo`.
    pub fn of_crate(&self) -> Option<&CrateOrigin> {
        match self {
            Self::Exec(program) => program.of_crate(),
            Self::Python(_) | Self::Static(_) => None,
        }
    }

    /// Whether the stack runs programs of its own, beside its health check.
    pub fn has_processes(&self) -> bool {
        self.listen().is_some()
    }

    /// Whether systemd holds the socket that the app serves on.
    pub fn has_socket(&self) -> bool {
        self.listen() == Some(Listen::Socket)
    }
}

/// What `[app] kind` may say. Python applications have a word for each interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindName {
    Wsgi,
    Asgi,
    Exec,
    Cargo,
    Static,
}

impl KindName {
    pub const ALL: [Self; 5] = [Self::Wsgi, Self::Asgi, Self::Exec, Self::Cargo, Self::Static];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wsgi => "wsgi",
            Self::Asgi => "asgi",
            Self::Exec => "exec",
            Self::Cargo => "cargo",
            Self::Static => "static",
        }
    }

    /// For the kinds of Python applications: how a server calls them.
    pub fn interface(self) -> Option<Interface> {
        match self {
            Self::Wsgi => Some(Interface::Wsgi),
            Self::Asgi => Some(Interface::Asgi),
            Self::Exec | Self::Cargo | Self::Static => None,
        }
    }
}

/// The keys of the kinds `exec` and `cargo`. The program serves HTTP itself, and nginx passes requests on to it.
#[derive(Debug, Clone)]
pub struct Program {
    pub command: CommandLine,
    pub listen: Listen,
    /// Whether the programs of the stack make machine code while they run. When `None`, their names say it.
    pub jit: Option<bool>,
    pub origin: ProgramOrigin,
}

impl Program {
    /// The crate that the program is of, for the kind `cargo`.
    pub fn of_crate(&self) -> Option<&CrateOrigin> {
        match &self.origin {
            ProgramOrigin::Crate(origin) => Some(origin),
            ProgramOrigin::Folder => None,
        }
    }
}

/// Where a program and its files come from.
#[derive(Debug, Clone)]
pub enum ProgramOrigin {
    /// The kind `exec`: all that is in the app's folder.
    Folder,
    /// The kind `cargo`: what `[package.metadata.deb]` names.
    Crate(CrateOrigin),
}

/// The crate in the app's folder.
#[derive(Debug, Clone)]
pub struct CrateOrigin {
    /// The member of the workspace there; when `None`, the one that cargo-deb would take.
    pub member: Option<String>,
    /// The variant of its `[package.metadata.deb]`.
    pub metadata_variant: Option<String>,
    /// Nothing before cargo has built the crate.
    pub files: CrateFiles,
}

/// What a crate gives to the package of a stack.
#[derive(Debug, Clone, Default)]
pub struct CrateFiles {
    pub payload: Payload,
    /// Those of its files that the administrator may edit.
    pub conffiles: Vec<String>,
    /// `depends` of its metadata, without what the programs link.
    pub depends: Relations,
    /// What of its metadata the package of a stack does not have, one sentence each.
    pub warnings: Vec<String>,
}

/// Where a program accepts connections from nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On the socket that systemd holds and hands over (sd_listen_fds(3)).
    Socket,
    /// On this TCP port of the loopback, which it finds in `PORT`.
    Port(u16),
    /// On a Unix socket that it makes at the path in `SOCKET_PATH`.
    Path,
}

/// Runtimes that make machine code while they run, by the names of their programs.
const JIT_RUNTIMES: &[&str] =
    &["node", "nodejs", "deno", "bun", "java", "dotnet", "php", "luajit", "pypy3", "erl", "elixir", "julia"];

/// Whether a command starts a runtime that is known to make machine code.
pub(super) fn is_jit_runtime(command: &CommandLine) -> bool {
    let name = command.program.rsplit('/').next().unwrap_or(&command.program);
    JIT_RUNTIMES.contains(&name)
}

/// The keys of the kind `static`. nginx serves the files; the stack has no process for visitors.
#[derive(Debug, Clone)]
pub struct StaticSite {
    /// The folder whose files are served, relative to the app's; empty when it is that folder.
    pub publish: PathBuf,
    /// The path of the page that answers where there is no file: `/index.html`.
    pub fallback: Option<String>,
}

/// The keys of the kinds `wsgi` and `asgi`, for the server that loads the application.
#[derive(Debug, Clone)]
pub struct PythonApp {
    pub interface: Interface,
    pub server: AppServer,
    /// What the server loads: `MODULE:VARIABLE`.
    pub module: String,
    /// Processes that serve. When `None`, the server decides: one more than its processors, fewer
    /// if its memory is small.
    pub workers: Option<u16>,
    /// Threads of each worker, 1 or more. When `None`, the server decides: four, fewer if the
    /// database has not enough connections.
    pub threads: Option<u16>,
}

/// How a server calls a Python application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// A callable as PEP 3333 describes it.
    Wsgi,
    /// A callable as <https://asgi.readthedocs.io> describes it.
    Asgi,
}

/// The program that runs a Python application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppServer {
    /// For the kind `asgi`: uvicorn in its processes.
    Gunicorn,
    /// uvicorn alone, for the kind `asgi`.
    Uvicorn,
    /// From the Python Package Index; Debian does not have it.
    Granian,
    /// uWSGI, which serves the kind `wsgi` alone.
    Uwsgi,
}
