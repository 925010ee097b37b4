//! Checks `[app] module`, which the server loads: that `MODULE:VARIABLE` is in the project's code.

use std::fs;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use super::python_source::{PythonText, VariablePlace};
use crate::stack::kind::Interface;

/// Why a text is not valid as an application.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ModuleError {
    #[error("`{0}` is not of the form MODULE:VARIABLE")]
    #[diagnostic(help(
        "write it as \"app:app\" for the variable `app` in app.py, \"site.wsgi:application\" for the one in site/wsgi.py, or \"app:create_app()\" for a function that makes it"
    ))]
    Module(String),
    #[error("Python would load {file} or {package} for `{module}`, and neither exists")]
    #[diagnostic(help(
        "write the module's file, or name another module; Python looks for it in the folder that [app] folder names"
    ))]
    NoModule { module: String, file: String, package: String },
    #[error("{file} has no variable or function `{variable}`, and Gunicorn would load it from there")]
    #[diagnostic(help("correct [app] module: it names a module, a colon, and the variable with the application"))]
    NoVariable { file: String, variable: String },
    #[error("{file} has `{variable}` only inside of `{block}`, where Gunicorn does not find it")]
    #[diagnostic(help(
        "if it is a function that returns the application, name that function with brackets: module = \"app:create_app()\"; else make the variable at the top level of the file"
    ))]
    InBlock { file: String, variable: String, block: String },
    #[error(
        "`{variable}` in {file} is an ASGI application ({maker}), and [app] kind is \"wsgi\": it would answer every request with status 500"
    )]
    #[diagnostic(help(
        "write kind = \"asgi\" below [app], or name a WSGI application (Flask, Django's get_wsgi_application, Bottle, Falcon); a project that brings its own debian/gunicorn.conf.py with an ASGI worker may have it as well"
    ))]
    Asgi { file: String, variable: String, maker: &'static str },
    #[error(
        "`{variable}` in {file} is a WSGI application ({maker}), and [app] kind is \"asgi\": it would answer every request with status 500"
    )]
    #[diagnostic(help(
        "leave `kind` out, or name an ASGI application (FastAPI, Starlette, Django's get_asgi_application)"
    ))]
    Wsgi { file: String, variable: String, maker: &'static str },
}

/// Whether a text is a name in Python or in a shell.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Checks the form of `MODULE:VARIABLE` or `MODULE:FUNCTION()` (Gunicorn's WSGI_APP).
pub fn module(text: &str) -> Result<String, ModuleError> {
    let (module, variable) = text.split_once(':').unwrap_or((text, ""));
    let variable = variable.strip_suffix("()").unwrap_or(variable);
    match module.split('.').all(is_identifier) && is_identifier(variable) {
        true => Ok(text.to_owned()),
        false => Err(ModuleError::Module(text.escape_debug().to_string())),
    }
}

/// Returns the file in which Python finds the module in `folder`: `a.b` is `a/b.py` or `a/b/__init__.py`.
pub fn module_file(text: &str, folder: &Path) -> Result<PathBuf, ModuleError> {
    let module = text.split(':').next().unwrap_or_default();
    let stem: PathBuf = folder.join(module.replace('.', "/"));
    // A dot in the last part of the name is not an extension.
    let mut file = stem.clone().into_os_string();
    file.push(".py");
    let (file, package) = (PathBuf::from(file), stem.join("__init__.py"));
    // Python prefers the package (importlib's FileFinder).
    if let Some(found) = [&package, &file].into_iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let (file, package) = (file.display().to_string(), package.display().to_string());
    Err(ModuleError::NoModule { module: module.to_owned(), file, package })
}

/// Checks, as far as reading the module's file can tell, that it has the variable and that this is an application of that
/// kind. `project` may have a configuration of Gunicorn with a worker for ASGI.
pub fn application(text: &str, file: &Path, project: &Path, kind: Option<Interface>) -> Result<(), ModuleError> {
    // Python itself says why a file cannot be read.
    let Ok(bytes) = fs::read(file) else { return Ok(()) };
    let source = PythonText::of(&String::from_utf8_lossy(&bytes));
    let variable = text.split_once(':').map_or("", |(_, variable)| variable);
    let (name, shown) = (variable.strip_suffix("()").unwrap_or(variable).to_owned(), file.display().to_string());
    let is_submodule = file.ends_with("__init__.py") && file.with_file_name(format!("{name}.py")).is_file();
    match source.place(&name) {
        VariablePlace::Nowhere if !is_submodule => return Err(ModuleError::NoVariable { file: shown, variable: name }),
        VariablePlace::Block(block) if !is_submodule => {
            return Err(ModuleError::InBlock { file: shown, variable: name, block });
        }
        _ => {}
    }
    if variable.ends_with("()") {
        return Ok(());
    }
    match (kind, source.asgi(&name), source.wsgi(&name)) {
        (Some(Interface::Wsgi), Some(maker), _) if !has_asgi_worker(project) => {
            Err(ModuleError::Asgi { file: shown, variable: name, maker })
        }
        (Some(Interface::Asgi), _, Some(maker)) => Err(ModuleError::Wsgi { file: shown, variable: name, maker }),
        _ => Ok(()),
    }
}

/// Whether the project's own configuration of Gunicorn names another worker than ours.
fn has_asgi_worker(project: &Path) -> bool {
    let own = fs::read_to_string(project.join("debian/gunicorn.conf.py")).unwrap_or_default();
    own.lines().any(|line| line.trim_start().starts_with("worker_class") && !line.contains("gthread"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_dotted_names_and_a_variable() {
        for good in ["app:app", "site.wsgi:application", "_a.b1:C", "app:create_app()"] {
            assert!(module(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "app",
            "app:",
            ":app",
            "app:app:app",
            "a..b:c",
            "../x:y",
            "a/b:c",
            "app:a b",
            "1a:b",
            "a;:b",
            "a:f(1)",
        ];
        for bad in bad.into_iter().chain(["app:app\nExecStart=/bin/sh", "app:%h", "app:\"a\"", "app:$x"]) {
            assert!(module(bad).is_err(), "{bad:?}");
        }
    }
}
