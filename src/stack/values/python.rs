//! Checks what Gunicorn loads, and the environment variables that it gets.

use std::path::{Path, PathBuf};

use miette::Diagnostic;

/// Why a text is not valid as an application, or as an environment variable.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum PythonError {
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
    #[error("`{0}` is not a name for an environment variable")]
    #[diagnostic(help("write letters, digits and `_`, and no digit first: DATABASE_POOL_SIZE"))]
    VariableName(String),
    #[error("has a line break, a NUL or another control character in it, which an environment file cannot contain")]
    #[diagnostic(help("write the value on one line"))]
    VariableValue,
}

fn is_identifier(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Checks the form of `MODULE:VARIABLE` or `MODULE:FUNCTION()` (Gunicorn's WSGI_APP).
pub fn module(text: &str) -> Result<String, PythonError> {
    let (module, variable) = text.split_once(':').unwrap_or((text, ""));
    let variable = variable.strip_suffix("()").unwrap_or(variable);
    match module.split('.').all(is_identifier) && is_identifier(variable) {
        true => Ok(text.to_owned()),
        false => Err(PythonError::Module(text.escape_debug().to_string())),
    }
}

/// Checks that Python finds the module in `folder`: `a.b` is `a/b.py` or `a/b/__init__.py`.
pub fn module_exists(text: &str, folder: &Path) -> Result<(), PythonError> {
    let module = text.split(':').next().unwrap_or_default();
    let stem: PathBuf = folder.join(module.replace('.', "/"));
    let (file, package) = (stem.with_extension("py"), stem.join("__init__.py"));
    if file.is_file() || package.is_file() {
        return Ok(());
    }
    let (file, package) = (file.display().to_string(), package.display().to_string());
    Err(PythonError::NoModule { module: module.to_owned(), file, package })
}

/// Checks the name of an environment variable (POSIX, XBD 8.1).
///
/// # Errors
/// When it has other characters than letters, digits and `_`, or begins with a digit.
pub fn variable_name(text: &str) -> Result<String, PythonError> {
    match is_identifier(text) {
        true => Ok(text.to_owned()),
        false => Err(PythonError::VariableName(text.escape_debug().to_string())),
    }
}

/// Checks the value of an environment variable, which has to fit on one line of the environment file.
///
/// # Errors
/// When it has a control character other than a tab.
pub fn variable_value(text: &str) -> Result<String, PythonError> {
    match text.chars().any(|c| c.is_control() && c != '\t') {
        true => Err(PythonError::VariableValue),
        false => Ok(text.to_owned()),
    }
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

    #[test]
    fn variables_stay_on_their_line() {
        for bad in ["", "1A", "A-B", "A B", "A=B", "A\n", "é"] {
            assert!(variable_name(bad).is_err(), "{bad:?}");
        }
        assert!(variable_value("a 'b' \"c\" $d é\t%").is_ok());
        for bad in ["a\nB=c", "a\0", "a\r", "\u{1b}[0m"] {
            assert!(variable_value(bad).is_err(), "{bad:?}");
        }
    }
}
