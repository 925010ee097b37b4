//! Checks the kind of an application, and the server that runs it.

use miette::Diagnostic;

use crate::stack::kind::{AppServer, Interface, KindName, Listen};
use crate::stack::nearest::nearest;

/// The kinds, as they are written.
pub fn kinds() -> Vec<&'static str> {
    KindName::ALL.into_iter().map(KindName::as_str).collect()
}

/// The servers that stackdeb sets up.
pub const SERVERS: &[&str] = &["gunicorn", "uvicorn", "granian", "uwsgi"];

/// Why a text is not valid as a kind or a server.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ServerError {
    #[error("`{0}` is not a kind of application{1}")]
    #[diagnostic(help(
        "write \"wsgi\" (Flask, Django, Bottle), \"asgi\" (FastAPI, Starlette, Django with WebSockets), \"exec\" (a program in any language), \"cargo\" (a crate that cargo builds) or \"static\" (files alone)"
    ))]
    Kind(String, String),
    #[error("`{0}` is not a server that stackdeb knows{1}")]
    #[diagnostic(help("leave the key out, or write \"gunicorn\", \"uvicorn\", \"granian\" or \"uwsgi\""))]
    Unknown(String, String),
    #[error("`{0}` is not a way to listen{1}")]
    #[diagnostic(help(
        "write \"socket\" (systemd hands it over: no request is lost at an upgrade), \"port\" (the variable PORT names it) or \"path\" (the variable SOCKET_PATH names it)"
    ))]
    Listen(String, String),
    #[error("`{0}` does not run an application of the kind {1}")]
    #[diagnostic(help("{2}"))]
    OtherKind(&'static str, &'static str, &'static str),
}

/// A number of threads for an ASGI application.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("an ASGI application has no number of threads: it does everything in one, and in those that it starts itself")]
#[diagnostic(help("leave the key out; `workers` is the number of its processes"))]
pub struct ThreadsOfAsgi;

/// # Errors
/// When it is another word.
pub fn kind(text: &str) -> Result<KindName, ServerError> {
    let found = KindName::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| ServerError::Kind(text.escape_debug().to_string(), meant(text, &kinds())))
}

/// Reads a server, which has to run applications of that kind; `None` when there is a mistake in the kind.
///
/// # Errors
/// When stackdeb does not set it up, or it does not run that kind.
pub fn server(text: &str, kind: Option<Interface>) -> Result<AppServer, ServerError> {
    match (text, kind) {
        ("uvicorn", Some(Interface::Wsgi)) => Err(ServerError::OtherKind(
            "uvicorn",
            "wsgi",
            "if the application is an ASGI application, write kind = \"asgi\"; else leave the key out: gunicorn runs it",
        )),
        ("uwsgi", Some(Interface::Asgi)) => Err(ServerError::OtherKind(
            "uwsgi",
            "asgi",
            "leave the key out: uvicorn runs the application, in processes that Gunicorn manages",
        )),
        ("gunicorn", _) => Ok(AppServer::Gunicorn),
        ("uvicorn", _) => Ok(AppServer::Uvicorn),
        ("granian", _) => Ok(AppServer::Granian),
        ("uwsgi", _) => Ok(AppServer::Uwsgi),
        _ => Err(ServerError::Unknown(text.escape_debug().to_string(), meant(text, SERVERS))),
    }
}

/// Where a program serves, as it is written.
pub const LISTEN: &[&str] = &["socket", "port", "path"];

/// # Errors
/// When it is another word.
pub fn listen(text: &str, port: u16) -> Result<Listen, ServerError> {
    match text {
        "socket" => Ok(Listen::Socket),
        "port" => Ok(Listen::Port(port)),
        "path" => Ok(Listen::Path),
        _ => Err(ServerError::Listen(text.escape_debug().to_string(), meant(text, LISTEN))),
    }
}

fn meant(text: &str, known: &[&'static str]) -> String {
    nearest(text, known).map_or(String::new(), |word| format!(": did you mean `{word}`?"))
}
