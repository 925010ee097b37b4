//! The pipeline of the packages: [`Stack`] → files and control data → `.deb`. Everything in a package has one time:
//! `SOURCE_DATE_EPOCH`, else the time of the newest changelog entry, so that the same project gives the same bytes.

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

use super::assemble::{Assembled, AssembledFurther, assemble};
use super::build_command::{self, BuiltStack};
use super::built_package::{BuiltBeside, BuiltInDist, BuiltPackage, CheckedStack};
use super::installed::InstalledInRoots;
use super::packed::Packed;
use super::write::{write_for_image, write_package};
use super::{crate_files, libraries, linked, static_files};
use crate::apt::Suite;
use crate::deb::debug_package::TakenDebugData;
use crate::deb::{Control, Package, Written};
use crate::python::Libraries;
use crate::render::AppNotes;
use crate::stack::{Stack, file_name};
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::epoch::Epoch;
use crate::system::output::{OutputFile, write_symlink};
use crate::system::progress::Reporter;
use crate::system::userns;

/// Builds the packages of `stack` into the project's `dist` folder, with the link `NAME.deb` to its own. Beside them come those
/// with the debugging data of their programs, if they held any.
///
/// # Errors
/// As [`build`].
pub fn build_into_dist(stack: &Stack, reporter: Reporter) -> miette::Result<BuiltInDist> {
    check_places(stack)?;
    let package = build(stack, &stack.dist(), None, reporter)?;
    link(stack)?;
    let debug = package.debug.iter().map(|debug| write_beside(debug, &stack.dist(), None, reporter));
    let debug = debug.collect::<miette::Result<_>>()?;
    if let Some(cache) = Cache::used() {
        cache.keep_within_limit(reporter);
    }
    Ok(BuiltInDist { package, debug })
}

fn write_beside(
    package: &Package,
    folder: &Path,
    kept: Option<&Store>,
    reporter: Reporter,
) -> miette::Result<BuiltBeside> {
    let Control { package: name, version, architecture, .. } = &package.control;
    let path = folder.join(file_name(name.as_str(), version, *architecture));
    let (written, packed) = write(package, &path, kept, reporter)?;
    Ok(BuiltBeside { path, control: package.control.stanza(written.installed_size), written, packed })
}

fn write(
    package: &Package,
    path: &Path,
    kept: Option<&Store>,
    reporter: Reporter,
) -> miette::Result<(Written, Option<Packed>)> {
    match kept {
        None => Ok((write_package(package, path)?, None)),
        Some(kept) => write_for_image(package, path, kept, reporter),
    }
}

/// Builds the packages of `stack` into `folder`. For an image, they are not compressed there; the packages that are published
/// are made meanwhile, or taken from those that are `kept`.
///
/// # Errors
/// When a template, a file of the app or the control data is wrong, or the package cannot be written. An earlier package of
/// the same name then stays as it was.
pub fn build(stack: &Stack, folder: &Path, kept: Option<&Store>, reporter: Reporter) -> miette::Result<BuiltPackage> {
    let Together { mut assembled, libraries, installed } = put_together(stack, reporter)?;
    static_files::add_compressed(&mut assembled.package.payload, &stack.package.name)?;
    assembled.check_together()?;
    let Assembled { package, mut debug, notes, further, .. } = assembled;
    let (mut packages, mut taken) = (Vec::new(), TakenDebugData::default());
    debug.leave_out(&mut taken);
    let mut debug: Vec<Package> = debug.package(&package)?.into_iter().collect();
    for AssembledFurther { package, debug: mut of_further, .. } in further {
        of_further.leave_out(&mut taken);
        debug.extend(of_further.package(&package)?);
        packages.push(package);
    }
    // All of them, before the first one is written.
    for package in [&package].into_iter().chain(&packages).chain(&debug) {
        package.check()?;
    }
    let path = folder.join(stack.deb_file_name());
    let (written, packed) = write(&package, &path, kept, reporter)?;
    let further = packages.iter().map(|package| write_beside(package, folder, kept, reporter));
    let further = further.collect::<miette::Result<_>>()?;
    let control = package.control.stanza(written.installed_size);
    let epoch = package.epoch;
    Ok(BuiltPackage { path, written, packed, control, epoch, notes, libraries, installed, further, debug })
}

/// Finds every mistake that [`build_into_dist`] would find, and writes no file of the project:
/// downloads go into the cache.
///
/// # Errors
/// As [`build_into_dist`].
pub fn check(stack: &Stack, reporter: Reporter) -> miette::Result<CheckedStack> {
    check_places(stack)?;
    let Together { assembled, libraries, .. } = put_together(stack, reporter)?;
    assembled.check_together()?;
    let Assembled { package, notes, further, .. } = assembled;
    package.check()?;
    let further = further.iter().map(|AssembledFurther { package, .. }| {
        package.check()?;
        Ok(package.control.stanza(0))
    });
    let further = further.collect::<miette::Result<_>>()?;
    Ok(CheckedStack { control: package.control.stanza(0), further, notes, libraries })
}

/// Enters a user namespace if the package of `stack` may need a sandbox. Call it before a thread is started.
///
/// # Errors
/// When the lock of the libraries is wrong, or the system has no user namespaces for this user.
pub fn enter_namespace(stack: &Stack) -> miette::Result<()> {
    if stack.app.build_command.is_some() || libraries::plan(stack)?.is_some_and(|plan| plan.may_build()) {
        userns::enter()?;
    }
    Ok(())
}

struct Together {
    assembled: Assembled,
    libraries: Libraries,
    installed: InstalledInRoots,
}

fn put_together(stack: &Stack, reporter: Reporter) -> miette::Result<Together> {
    let epoch = package_epoch(stack)?;
    let health_check = health_check()?;
    enter_namespace(stack)?;
    let stack = &*crate_files::built(stack)?;
    let (libraries, mut installed) = libraries::of(stack, reporter)?;
    let mut assembled = match &stack.app.build_command {
        None => assemble(stack, &libraries, &health_check, epoch)?,
        Some(command) => {
            let BuiltStack { stack, notes, installed: of_command } =
                build_command::run(stack, command, &libraries, epoch, reporter)?;
            installed = installed.and(of_command);
            let assembled = assemble(&stack, &libraries, &health_check, epoch)?;
            let notes = AppNotes { site: assembled.notes.site, ..notes };
            Assembled { notes, ..assembled }
        }
    };
    let target = linked::TargetSuite { suite: Suite::find(&stack.image.suite)?, image: Some(&stack.image) };
    assembled.add_linked(|programs, others| linked::packages_beside(programs, others, target, reporter))?;
    Ok(Together { assembled, libraries, installed })
}

/// A folder stands where an output has to be.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{0} is a folder, and the output of that name would have to replace it; nothing was changed")]
#[diagnostic(help("remove or rename it"))]
struct Occupied(String);

/// Checks, before anything is written, that each output of `dist` can have its name.
///
/// # Errors
/// When a folder has the name of an output, or `dist` is not a folder.
pub fn check_places(stack: &Stack) -> miette::Result<()> {
    let dist = stack.dist();
    let folders = [stack.folder.join("dist"), dist.clone()];
    let mut outputs = vec![stack.deb_link_name(), stack.image_file_name()];
    outputs.extend(stack.package_file_names());
    let places: Vec<PathBuf> = outputs.iter().map(|name| dist.join(name)).chain([stack.manifest_path()]).collect();
    check_outputs(&folders, &places)
}

/// Checks that each of `folders` can be made, and each of `places` replaced.
pub(super) fn check_outputs(folders: &[PathBuf], places: &[PathBuf]) -> miette::Result<()> {
    if let Some(file) = folders.iter().find(|path| path.exists() && !path.is_dir()) {
        let shown = file.display();
        return Err(miette::miette!(
            help = "stackdeb writes packages and images there: remove or rename it",
            "{shown} is not a folder; nothing was changed"
        ));
    }
    for place in places {
        if place.is_dir() && !place.is_symlink() {
            return Err(Occupied(place.display().to_string()).into());
        }
    }
    Ok(())
}

/// Copies the packages that were built in another folder to the project's `dist` folder, and makes the link `NAME.deb`.
///
/// # Errors
/// When the copy cannot be written. An earlier package then stays as it was.
pub fn publish(stack: &Stack, package: &BuiltPackage) -> miette::Result<()> {
    for file in package.files() {
        let (path, _) = file.published()?;
        let name = path.file_name().unwrap_or_default();
        let mut output = OutputFile::create(&stack.dist().join(name))?;
        let mut file = File::open(path).into_diagnostic()?;
        io::copy(&mut file, &mut output)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write {}", output.path().display()))?;
        output.commit()?;
    }
    link(stack)
}

/// Makes the link `NAME.deb`, which names the package without its version.
fn link(stack: &Stack) -> miette::Result<()> {
    let link = stack.dist().join(stack.deb_link_name());
    Ok(write_symlink(&link, Path::new(&stack.deb_file_name()))?)
}

fn package_epoch(stack: &Stack) -> miette::Result<Epoch> {
    let newest = stack.package.changelog.iter().map(|entry| entry.date).max();
    let named = Epoch::from_environment()?;
    named.or(newest).ok_or_else(|| miette::miette!("the changelog in stack.toml has no entry"))
}

/// The path of the program `health-check`: beside this program, or where stackdeb's own package installs it.
fn health_check() -> miette::Result<PathBuf> {
    let beside = env::current_exe().into_diagnostic()?.with_file_name("health-check");
    let installed = PathBuf::from("/usr/libexec/stackdeb/health-check");
    Ok(if !beside.exists() && installed.exists() { installed } else { beside })
}
