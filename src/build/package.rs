//! The pipeline of the package: [`Stack`] → files and control data → `.deb`. Everything in the package has one time:
//! `SOURCE_DATE_EPOCH`, else the time of the newest changelog entry, so that the same project gives the same bytes.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

use super::assemble::{Assembled, assemble};
use super::build_command::{self, Built};
use super::installed::Installed;
use super::{crate_files, libraries, linked, static_files};
use crate::apt::Suite;
use crate::control::{Relations, Stanza};
use crate::deb::{self, Compression, Package, Written};
use crate::python::Libraries;
use crate::render::AppNotes;
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::output::{OutputFile, write_symlink};
use crate::system::progress::Reporter;
use crate::system::userns;

/// The largest package that is kept for the next build, in bytes without compression. It is in memory once.
const LARGEST_KEPT: u64 = 100_000_000;

/// A package that was written to a file.
pub struct BuiltPackage {
    pub path: PathBuf,
    pub written: Written,
    /// Its control data, as it stands in the file.
    pub control: Stanza,
    pub depends: Relations,
    /// The time of everything in it.
    pub epoch: Epoch,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
    /// The libraries that are packed.
    pub libraries: Libraries,
    /// What was installed where commands ran for it.
    pub installed: Installed,
    /// The package with the debugging data of its programs, before it is written; `None` when they held none.
    debug: Option<Package>,
}

/// What [`build_into_dist`] wrote.
pub struct BuiltInDist {
    pub package: BuiltPackage,
    pub debug: Option<BuiltDebugPackage>,
}

/// The package with the debugging data of a stack's programs.
pub struct BuiltDebugPackage {
    pub path: PathBuf,
    pub written: Written,
    /// Its control data, as it stands in the file.
    pub control: Stanza,
}

impl BuiltPackage {
    /// What the user should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        warnings(&self.notes, &self.libraries)
    }
}

/// What was found out about a package without writing it.
pub struct Checked {
    /// Its control data, without its size.
    pub control: Stanza,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
    /// The libraries that are packed.
    pub libraries: Libraries,
}

impl Checked {
    /// What the user should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        warnings(&self.notes, &self.libraries)
    }
}

fn warnings(notes: &AppNotes, libraries: &Libraries) -> Vec<String> {
    notes.warnings().into_iter().chain(libraries.needs.warnings.iter().cloned()).collect()
}

/// Builds the package of `stack` into the project's `dist` folder, with the link `NAME.deb` to it. Beside it comes the package
/// with the debugging data of its programs, if they held any.
///
/// # Errors
/// As [`build`].
pub fn build_into_dist(stack: &Stack, reporter: Reporter) -> miette::Result<BuiltInDist> {
    check_places(stack)?;
    let built = build(stack, &stack.dist(), None, reporter)?;
    link(stack)?;
    let debug = match &built.debug {
        Some(debug) => {
            let path = stack.dist().join(stack.debug_file_name());
            let written = write_package(debug, &path)?;
            Some(BuiltDebugPackage { path, control: debug.control.stanza(written.installed_size), written })
        }
        None => None,
    };
    if let Some(cache) = Cache::used() {
        cache.keep_within_limit(reporter);
    }
    Ok(BuiltInDist { package: built, debug })
}

/// Writes a package to a file, which appears whole or not at all.
///
/// # Errors
/// When something in it is wrong, or the file cannot be written.
pub(super) fn write_package(package: &Package, path: &Path) -> miette::Result<Written> {
    let checked = package.check()?;
    let mut output = OutputFile::create(path)?;
    let written = deb::write(checked, &mut output)?;
    output.commit()?;
    Ok(written)
}

/// Builds the package of `stack` into `folder`, or takes it from the packages that are `kept`.
///
/// # Errors
/// When a template, a file of the app or the control data is wrong, or the package cannot be written. An earlier package of
/// the same name then stays as it was.
pub fn build(stack: &Stack, folder: &Path, kept: Option<&Store>, reporter: Reporter) -> miette::Result<BuiltPackage> {
    let Together { assembled: Assembled { mut package, debug, notes, .. }, libraries, installed } =
        put_together(stack, reporter)?;
    let debug = debug.package(&package)?;
    static_files::add_compressed(&mut package.payload, &stack.package.name)?;
    let checked = package.check()?;
    let path = folder.join(stack.deb_file_name());
    let mut output = OutputFile::create(&path)?;
    let written = match kept {
        None => deb::write(checked, &mut output)?,
        Some(kept) => write_once(&package, checked, &mut output, kept, reporter)?,
    };
    output.commit()?;
    let control = package.control.stanza(written.installed_size);
    Ok(BuiltPackage {
        path,
        written,
        control,
        depends: package.control.depends,
        epoch: package.epoch,
        notes,
        libraries,
        installed,
        debug,
    })
}

/// Writes a package that was written before from the cache: most of the time of a package is spent in its compression. Its
/// name there is the digest of the same package without compression.
fn write_once(
    package: &Package,
    checked: deb::Checked,
    output: &mut OutputFile,
    kept: &Store,
    reporter: Reporter,
) -> miette::Result<Written> {
    let plain = Package { compression: Compression::None, ..package.clone() };
    let plain = deb::write(plain.check()?, io::sink())?;
    let key = kept.key(format!("{:?} {}", package.compression, plain.sha256).as_bytes());
    match kept.find(key) {
        Ok(None) => {}
        Ok(Some(bytes)) => {
            output.write_all(&bytes).into_diagnostic()?;
            return Ok(Written { sha256: Sha256::of(&bytes), size: bytes.len() as u64, ..plain });
        }
        Err(damaged) => reporter.say(&format!("warning: {damaged}")),
    }
    if plain.size > LARGEST_KEPT {
        return Ok(deb::write(checked, output)?);
    }
    let mut bytes = Vec::new();
    let written = deb::write(checked, &mut bytes)?;
    // A full disk is noticed when the package is written; else the next image is only slower.
    let _ = kept.keep(key, &bytes);
    output.write_all(&bytes).into_diagnostic()?;
    Ok(written)
}

/// Finds every mistake that [`build_into_dist`] would find, and writes no file of the project:
/// downloads go into the cache.
///
/// # Errors
/// As [`build_into_dist`].
pub fn check(stack: &Stack, reporter: Reporter) -> miette::Result<Checked> {
    check_places(stack)?;
    let Together { assembled: Assembled { package, notes, .. }, libraries, .. } = put_together(stack, reporter)?;
    package.check()?;
    Ok(Checked { control: package.control.stanza(0), notes, libraries })
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
    installed: Installed,
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
            let Built { stack, notes, installed: of_command } =
                build_command::run(stack, command, &libraries, epoch, reporter)?;
            installed = installed.and(of_command);
            let assembled = assemble(&stack, &libraries, &health_check, epoch)?;
            let notes = AppNotes { site: assembled.notes.site, ..notes };
            Assembled { notes, ..assembled }
        }
    };
    let target = linked::Target { suite: Suite::find(&stack.image.suite)?, image: Some(&stack.image) };
    for relation in linked::packages(&assembled.programs, target, reporter)?.0 {
        assembled.package.control.depends.add(relation);
    }
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
    let outputs = [stack.deb_file_name(), stack.debug_file_name(), stack.deb_link_name(), stack.image_file_name()];
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

/// Copies a package that was built in another folder to the project's `dist` folder, and makes the link `NAME.deb`.
///
/// # Errors
/// When the copy cannot be written. An earlier package then stays as it was.
pub fn publish(stack: &Stack, package: &BuiltPackage) -> miette::Result<()> {
    let mut output = OutputFile::create(&stack.dist().join(stack.deb_file_name()))?;
    let mut file = File::open(&package.path).into_diagnostic()?;
    io::copy(&mut file, &mut output)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", output.path().display()))?;
    output.commit()?;
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
