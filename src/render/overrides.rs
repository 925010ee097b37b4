//! The project's own templates: each must have the name of one of ours. A misspelt one would be ignored without a word.

use std::fs;
use std::io;
use std::path::Path;

use super::RenderError;
use crate::stack::nearest;

/// Files that other tools keep in a folder `debian`: Debian's own packaging (debhelper(7)).
const OF_DEBIAN_PACKAGING: &[&str] =
    &["changelog", "compat", "control", "gbp.conf", "patches", "rules", "salsa-ci.yml", "source", "tests", "watch"];

/// Checks the names of all files in the project's folders `debian` and `units`, and of those in `nginx` that look like a
/// slip. `known` are the templates that exist, as `FOLDER/NAME`. `nginx` may well have files for other uses.
///
/// # Errors
/// At the first file that replaces nothing, or when a folder cannot be read.
pub(super) fn check(project: &Path, known: &[&'static str]) -> Result<(), RenderError> {
    for folder in ["debian", "units", "nginx"] {
        for name in names(&project.join(folder))? {
            let ours: Vec<&str> =
                known.iter().filter_map(|template| template.strip_prefix(folder)?.strip_prefix('/')).collect();
            if ours.contains(&name.as_str()) {
                continue;
            }
            let written_by_others = folder == "debian" && OF_DEBIAN_PACKAGING.contains(&name.as_str());
            if name.starts_with(['.', '#']) || name.ends_with('~') || name.starts_with("README") || written_by_others {
                continue;
            }
            let nearest = nearest(&name, &ours);
            if folder == "nginx" && nearest.is_none() {
                continue;
            }
            return Err(RenderError::NoSuchTemplate {
                path: project.join(folder).join(&name).display().to_string(),
                suggestion: nearest.map_or(String::new(), |name| format!(": did you mean `{name}`?")),
                known: ours.join(", "),
            });
        }
    }
    Ok(())
}

/// The names in a folder, sorted; none when there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, RenderError> {
    let unreadable = |source| RenderError::Unreadable { path: folder.display().to_string(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(unreadable(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
