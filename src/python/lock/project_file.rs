//! A file of the project that names libraries: its format, and its text.

use std::path::Path;

use crate::python::PythonError;

/// The format of a file of requirements or a lock, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockFormat {
    Requirements,
    Pyproject,
    Pylock,
    Uv,
    Poetry,
}

impl LockFormat {
    pub(super) fn of(path: &Path, shown: &str) -> Result<Self, PythonError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.as_str() {
            "pyproject.toml" => Ok(Self::Pyproject),
            "uv.lock" => Ok(Self::Uv),
            "poetry.lock" => Ok(Self::Poetry),
            "pylock.toml" => Ok(Self::Pylock),
            _ if name.starts_with("pylock.") && name.ends_with(".toml") => Ok(Self::Pylock),
            _ if name.ends_with(".txt") || name.ends_with(".in") => Ok(Self::Requirements),
            _ => Err(PythonError::UnknownFile(shown.to_owned())),
        }
    }
}

/// The text of a file of the project, and its path as a user sees it.
pub(super) fn text_of(path: &Path, project: &Path) -> Result<(String, String), PythonError> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let shown = real(path).strip_prefix(real(project)).unwrap_or(path).display().to_string();
    let text = std::fs::read_to_string(path);
    text.map(|text| (text.trim_start_matches('\u{feff}').to_owned(), shown.clone()))
        .map_err(|source| PythonError::Unreadable { path: shown, source })
}
