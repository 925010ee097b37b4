//! A new project, which builds at once: its name → its folder. The files are made from the templates beside this one, whose
//! README lists their variables. They are written to a temporary folder first, checked like any other project, and then moved
//! to their places.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use handlebars::{Handlebars, no_escape};
use miette::{Diagnostic, IntoDiagnostic};
use serde_json::json;

use super::values::description::summary;
use super::values::name::{StackNameError, stack_name};
use super::values::text;
use super::{load, reference};
use crate::control::PackageName;
use crate::system::epoch::Epoch;
use crate::system::output;

/// Why no project was written.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum NewError {
    #[error("the name {0}")]
    #[diagnostic(transparent)]
    Name(#[from] StackNameError),
    #[error("{0} exists already, and is not an empty folder")]
    #[diagnostic(help("choose another folder with --folder; nothing was changed"))]
    Occupied(String),
    #[error("cannot make {path}: {source}")]
    #[diagnostic(help("check that the folder above it exists and that you may write there; nothing was left behind"))]
    Folder {
        path: String,
        #[source]
        source: io::Error,
    },
}

/// The maintainer, when neither the environment nor git names one.
pub const PLACEHOLDER: &str = "Your Name <you@example.org>";

/// Summaries of the project. The first one that does not begin with its name is taken.
const SUMMARIES: [&str; 2] = ["web application that counts its visits", "counter of visits, a small web application"];

/// The files of a project: each path, and its template.
const FILES: &[(&str, &str)] = &[
    ("stack.toml", include_str!("stack.toml.hbs")),
    ("app/app.py", include_str!("app/app.py.hbs")),
    ("app/migrations/0001_visits.sql", include_str!("app/migrations/0001_visits.sql")),
    (".gitignore", include_str!("gitignore")),
    ("README.md", include_str!("README.md.hbs")),
];

/// A project that was written.
#[derive(Debug)]
pub struct NewProject {
    pub name: PackageName,
    pub folder: PathBuf,
    /// False if `stack.toml` names [`PLACEHOLDER`].
    pub has_maintainer: bool,
}

/// Writes a project to `folder`, or to a new folder that is called like it.
///
/// # Errors
/// When the name is not valid, or the folder is not empty or cannot be written. Nothing is left behind then.
pub fn write_project(name: &str, folder: Option<&Path>) -> miette::Result<NewProject> {
    let name = stack_name(name).map_err(NewError::from)?;
    let folder = folder.map_or_else(|| PathBuf::from(name.as_str()), Path::to_owned);
    let maintainer = maintainer();
    let created = begin(&folder)?;
    if let Err(error) = fill(&folder, &name, maintainer.as_deref().unwrap_or(PLACEHOLDER)) {
        if created {
            // The folder is empty again. If removing it fails, the user still needs to see the first error.
            let _ = fs::remove_dir(&folder);
        }
        return Err(error);
    }
    Ok(NewProject { name, folder, has_maintainer: maintainer.is_some() })
}

/// Makes the folder, or finds that it is empty. Returns whether it was made.
fn begin(folder: &Path) -> Result<bool, NewError> {
    let failed = |source| NewError::Folder { path: folder.display().to_string(), source };
    match fs::create_dir(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        Err(_) => match folder.is_dir() && fs::read_dir(folder).map_err(failed)?.next().is_none() {
            true => Ok(false),
            false => Err(NewError::Occupied(folder.display().to_string())),
        },
    }
}

/// Writes all files to a temporary folder, checks them, and moves them to their places.
fn fill(folder: &Path, name: &PackageName, maintainer: &str) -> miette::Result<()> {
    let failed = |source| NewError::Folder { path: folder.display().to_string(), source };
    let staging = tempfile::Builder::new().prefix(".stackdeb-").tempdir_in(folder).map_err(failed)?;
    for (path, contents) in rendered(name, maintainer)? {
        output::write_file(&staging.path().join(path), contents.as_bytes())?;
    }
    load(staging.path())?;
    for entry in fs::read_dir(staging.path()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        fs::rename(entry.path(), folder.join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

fn rendered(name: &PackageName, maintainer: &str) -> miette::Result<Vec<(&'static str, String)>> {
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    handlebars.register_escape_fn(no_escape);
    // Only this command asks the clock. The date becomes a part of the manifest, which later builds read.
    let now = Epoch::from_environment()?.map_or_else(|| Epoch::from_seconds(jiff::Timestamp::now().as_second()), Ok);
    let quoted = toml::Value::String(maintainer.to_owned()).to_string();
    let fits = |text: &&&str| summary(text, Some(name.as_str())).is_ok();
    let summary = SUMMARIES.iter().find(fits).copied().unwrap_or_default();
    let data =
        json!({ "name": name, "summary": summary, "maintainer": quoted, "date": now.into_diagnostic()?.to_rfc3339() });
    let render = |(path, template): &(&'static str, &'static str)| {
        Ok((*path, handlebars.render_template(template, &data).into_diagnostic()?))
    };
    let files = FILES.iter().map(render).collect::<miette::Result<Vec<_>>>()?;
    Ok(files.into_iter().chain([(reference::SCHEMA_FILE, reference::schema_text())]).collect())
}

/// The user's name and address: from `DEBFULLNAME` and `DEBEMAIL`, as dch(1) reads them, else from git.
/// `None` when neither has both.
fn maintainer() -> Option<String> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let name = variable("DEBFULLNAME").or_else(|| git("user.name"));
    let address = variable("DEBEMAIL").or_else(|| git("user.email"))?;
    let text = if address.contains('<') { address } else { format!("{} <{address}>", name?) };
    text::maintainer(&text).ok()
}

fn git(key: &str) -> Option<String> {
    let output = Command::new("git").args(["config", "--get", key]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}
