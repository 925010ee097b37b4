//! What `stackdeb deb` builds: the packages of a stack, or that of a crate with `[package.metadata.deb]`. A folder and the
//! options → files in its `dist`.

use std::path::{Path, PathBuf};

use super::fresh::KeptResults;
use super::upload::UploadError;
use super::{crate_package, package, upload};
use crate::apt::Suite;
use crate::cargo::{self, Compile, Options};
use crate::deb::{UploadDistribution, Written};
use crate::stack::{self, FILE_NAME};
use crate::system::progress::Reporter;

/// What is to be built.
pub struct DebRequest<'a> {
    /// The folder of a stack, a crate or a workspace, or a `stack.toml`.
    pub project: &'a Path,
    pub kept: KeptResults,
    /// The distribution of the `.changes` file, if there is to be one.
    pub changes: Option<&'a UploadDistribution>,
    /// The first option that was given and is for a crate, as in `--dbgsym`.
    pub crate_option: Option<&'static str>,
    /// Of these, a stack uses the variant alone.
    pub options: Options,
    pub compile: Compile,
    /// The name of the release that a crate's package is for; when `None`, the one of this machine.
    pub suite: Option<&'a str>,
}

pub struct BuiltDebs {
    /// What is not packed, one sentence each.
    pub left_out: Vec<String>,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
    /// The project's own package first.
    pub packages: Vec<(PathBuf, Written)>,
    /// The files of an upload; none if they were not asked for. The packages are there even if these cannot be written.
    pub upload: Result<Vec<PathBuf>, UploadError>,
}

/// Builds the packages into the project's `dist` folder.
///
/// # Errors
/// When an option is not for this project, something in the project is wrong or the package cannot be written. An earlier
/// package then stays as it was.
pub fn build(request: &DebRequest<'_>, reporter: Reporter) -> miette::Result<BuiltDebs> {
    let DebRequest { project, changes, crate_option, options, .. } = request;
    let is_stack = !project.is_dir() || project.join(FILE_NAME).exists();
    if options.package.is_some() || (!is_stack && cargo::is_crate(project)) {
        if changes.is_some() {
            return Err(miette::miette!(
                help = "leave it out: the changelog of a crate is a text of any form, which does not say what its newest entry is",
                "--changes is for a project with {FILE_NAME}, and a crate is packaged here"
            ));
        }
        return of_crate(request, reporter);
    }
    if let Some(option) = crate_option {
        return Err(miette::miette!(
            help = "leave it out, or name the crate that you mean with `-p NAME`",
            "{option} is for a crate with [package.metadata.deb], and {} is not one",
            project.display()
        ));
    }
    of_stack(request, reporter)
}

fn of_stack(request: &DebRequest<'_>, reporter: Reporter) -> miette::Result<BuiltDebs> {
    let stack = stack::load_variant(request.project, request.options.variant.as_deref())?;
    let _fresh = request.kept.begin(|| package::enter_namespace(&stack))?;
    if request.changes.is_some() {
        upload::check_places(&stack)?;
    }
    let built = package::build_into_dist(&stack, reporter)?;
    let upload = match request.changes {
        Some(distribution) => upload::write(&stack, &built, distribution).map(Vec::from),
        None => Ok(Vec::new()),
    };
    let own = &built.package;
    let beside = built.beside().map(|beside| (beside.path.clone(), beside.written));
    Ok(BuiltDebs {
        left_out: own.notes.left_out_in_all(),
        warnings: own.warnings(),
        packages: [(own.path.clone(), own.written)].into_iter().chain(beside).collect(),
        upload,
    })
}

fn of_crate(request: &DebRequest<'_>, reporter: Reporter) -> miette::Result<BuiltDebs> {
    let suite = match request.suite {
        Some(name) => {
            Suite::find(name).map_err(|error| miette::miette!(help = "name one of them", "--suite: {error}"))?
        }
        None => Suite::of_machine(Path::new("/"))?,
    };
    let built = crate_package::build_into_dist(request.project, &request.options, request.compile, suite, reporter)?;
    Ok(BuiltDebs {
        left_out: Vec::new(),
        warnings: built.warnings,
        packages: [(built.path, built.written)].into_iter().chain(built.debug).collect(),
        upload: Ok(Vec::new()),
    })
}
