//! Checks the files and folders that a manifest names: that they exist, and are of the right kind.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::file_error::FileError;
use super::migration;

/// Checks that a file exists, and returns its absolute path.
pub fn file(text: &str, project: &Path) -> Result<PathBuf, FileError> {
    let path = project.join(text);
    match path.is_file() {
        true => Ok(path),
        false => Err(missing("file", &path, "the folder of stack.toml")),
    }
}

/// Reads a text file, which may not be empty.
pub fn contents(text: &str, project: &Path) -> Result<String, FileError> {
    let path = file(text, project)?;
    let contents = fs::read_to_string(&path)
        .map_err(|source| FileError::Unreadable { path: path.display().to_string(), source })?;
    match contents.trim().is_empty() {
        true => Err(FileError::Empty(path.display().to_string())),
        false => Ok(contents),
    }
}

/// Checks that a folder that is packed exists and holds neither `stack.toml` nor `dist`. Returns its absolute path.
pub fn packed_folder(text: &str, project: &Path) -> Result<PathBuf, FileError> {
    let path = project.join(text);
    if text.is_empty() || !path.is_dir() {
        return Err(missing("folder", &path, "the folder of stack.toml"));
    }
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| FileError::Unreadable { path: path.display().to_string(), source })
    };
    let (project, app) = (real(project)?, real(&path)?);
    // `dist` may be a link to a folder elsewhere, or not be there yet.
    let outputs = fs::canonicalize(project.join("dist")).unwrap_or_else(|_| project.join("dist"));
    if project.starts_with(&app) {
        Err(FileError::WholeProject(path.display().to_string()))
    } else if outputs.starts_with(&app) {
        Err(FileError::HoldsOutputs(path.display().to_string()))
    } else {
        Ok(path)
    }
}

/// Checks that a folder has a crate or a workspace in it. Returns its absolute path.
pub fn crate_folder(text: &str, project: &Path) -> Result<PathBuf, FileError> {
    let path: PathBuf = project.components().chain(Path::new(text).components()).collect();
    match path.join("Cargo.toml").is_file() {
        true => Ok(path),
        false => Err(FileError::NoCrate(path.display().to_string())),
    }
}

/// Checks a folder of static files as [`packed_folder`] does. Inside `built`, where a command makes files when the package is
/// built, it need not be there yet.
pub fn static_folder(text: &str, project: &Path, built: Option<&Path>) -> Result<PathBuf, FileError> {
    let path = project.join(text);
    let is_plain = Path::new(text).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    match built {
        Some(app) if is_plain && path != app && path.starts_with(app) && !path.exists() => Ok(path),
        _ => packed_folder(text, project),
    }
}

/// Checks the folder of `app` whose files are served, which must be there. Without `app`, a command makes it later. Returns its
/// path relative to the app's folder.
pub fn published(text: &str, app: Option<&Path>) -> Result<PathBuf, FileError> {
    let relative = Path::new(text);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if text.is_empty() || text.chars().any(char::is_control) || !inside {
        return Err(FileError::NotPublished(text.escape_debug().to_string()));
    }
    match app.map(|app| app.join(relative)) {
        Some(path) if !path.is_dir() => Err(missing("folder", &path, "the app's folder")),
        _ => Ok(relative.components().filter(|part| matches!(part, Component::Normal(_))).collect()),
    }
}

/// Checks that the folder of migrations is inside the app's folder and has migrations. Returns its path
/// relative to the app's folder.
pub fn migrations(text: &str, app: &Path) -> Result<PathBuf, FileError> {
    let relative = Path::new(text);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if text.is_empty() || text.chars().any(char::is_control) || !inside {
        return Err(FileError::Outside(text.escape_debug().to_string()));
    }
    let path = app.join(relative);
    if !path.is_dir() {
        return Err(missing("folder", &path, "the app's folder"));
    }
    let names = migration_names(&path)?;
    if names.is_empty() {
        return Err(FileError::NoMigrations(path.display().to_string()));
    }
    for name in names {
        migration::check(&path.join(name))?;
    }
    Ok(relative.components().filter(|part| matches!(part, Component::Normal(_))).collect())
}

/// Returns the names of the `*.sql` files in a folder, in the order in which they are run. A name that begins with a dot is
/// not packed, and does not count.
///
/// # Errors
/// When the folder cannot be read, a name has characters that a shell script could misread, or something looks like a
/// migration but is not one.
pub fn migration_names(folder: &Path) -> Result<Vec<String>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: folder.display().to_string(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !name.to_ascii_lowercase().ends_with(".sql") {
            continue;
        }
        let shown = || entry.path().display().to_string();
        if !name.ends_with(".sql") {
            return Err(FileError::MigrationEnding(shown()));
        }
        if entry.path().is_dir() {
            return Err(FileError::MigrationFolder(shown()));
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) || name.starts_with('-') {
            return Err(FileError::MigrationName(name.escape_debug().to_string()));
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn missing(kind: &'static str, path: &Path, from: &'static str) -> FileError {
    FileError::Missing { kind, path: path.display().to_string().escape_debug().to_string(), from }
}
