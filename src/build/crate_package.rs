//! The pipeline of a crate's package: `[package.metadata.deb]` → what cargo builds → `.deb`.

use std::path::{Path, PathBuf};

use super::linked;
use super::package::check_outputs;
use super::write::write_package;
use crate::apt::Suite;
use crate::cargo::{Compile, CratePackage, CratePlan, Options};
use crate::deb::Written;
use crate::system::output::write_symlink;
use crate::system::progress::Reporter;

/// A crate's package that was written to a file.
pub struct BuiltCratePackage {
    pub path: PathBuf,
    pub written: Written,
    /// The same for the package with the debugging data of its programs, if the crate asks for it.
    pub debug: Option<(PathBuf, Written)>,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
}

/// Builds the package of the crate in `folder` into `dist` there, with the link `NAME.deb` to it. `suite` is the one that it is
/// for.
///
/// # Errors
/// When the metadata, a file or a program is wrong, or cargo fails. An earlier package then stays as it was.
pub fn build_into_dist(
    folder: &Path,
    options: &Options,
    compile: Compile,
    suite: &'static Suite,
    reporter: Reporter,
) -> miette::Result<BuiltCratePackage> {
    let plan = CratePlan::read(folder, options)?;
    let epoch = plan.epoch()?;
    let dist = folder.join("dist");
    let (path, link) = (dist.join(plan.file_name()), dist.join(plan.link_name()));
    let debug_path = dist.join(plan.debug_file_name());
    check_outputs(&[dist], &[path.clone(), debug_path.clone(), link.clone()])?;
    if compile == Compile::Run {
        plan.compile()?;
    }
    let target = PathBuf::from(plan.file_name());
    let place = linked::TargetSuite { suite, image: None };
    let CratePackage { package, debug, warnings } =
        plan.package(epoch, |programs| linked::packages(programs, place, reporter))?;
    let written = write_package(&package, &path)?;
    write_symlink(&link, &target)?;
    let debug = match debug {
        Some(debug) => Some((debug_path.clone(), write_package(&debug, &debug_path)?)),
        None => None,
    };
    Ok(BuiltCratePackage { path, written, debug, warnings })
}
