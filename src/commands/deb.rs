//! `stackdeb deb`: `stack.toml` → the package.

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::{IntoDiagnostic, WrapErr};

use crate::control::{Relations, Stanza};
use crate::deb::{self, Reader, Written};
use crate::stack::{self, Stack};
use crate::system::epoch::Epoch;
use crate::system::output::{OutputFile, write_symlink};

/// The arguments of `stackdeb deb`.
#[derive(Debug, Args)]
pub struct DebArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
}

/// A package that is built, and what others need to know of it.
pub struct BuiltPackage {
    /// The file.
    pub path: PathBuf,
    /// Its digest and sizes.
    pub written: Written,
    /// Its control data, as a reader finds it.
    pub control: Stanza,
    /// What it depends on.
    pub depends: Relations,
    /// The time of everything in it.
    pub epoch: Epoch,
}

/// Builds the package into the project's `dist` folder, with the link `NAME.deb` to it.
///
/// # Errors
/// When something in the project is not right or the package cannot be written; an earlier one is then as it was.
pub fn run(args: &DebArgs) -> miette::Result<()> {
    let stack = stack::load(&args.project)?;
    let BuiltPackage { path, written, .. } = build(&stack, &stack.folder.join("dist"))?;
    link(&stack)?;
    println!("{} ({} KB, SHA-256 {})", path.display(), written.size.div_ceil(1000), written.sha256);
    Ok(())
}

/// Builds the package of `stack` into `folder`.
///
/// # Errors
/// When something in the project is not right or the package cannot be written; an earlier one is then as it was.
pub fn build(stack: &Stack, folder: &Path) -> miette::Result<BuiltPackage> {
    let epoch = package_epoch(stack)?;
    let package = deb::assemble(stack, &health_check()?, epoch)?;
    let checked = package.check()?;
    let path = folder.join(stack.deb_file_name());
    let mut output = OutputFile::create(&path)?;
    let written = deb::write(checked, &mut output)?;
    output.commit()?;
    let control = Reader::open(&path)?.control()?;
    Ok(BuiltPackage { path, written, control, depends: package.control.depends, epoch })
}

/// Copies a package that was built elsewhere to the project's `dist` folder.
///
/// # Errors
/// When it cannot be written; an earlier one is then as it was.
pub fn publish(stack: &Stack, package: &BuiltPackage) -> miette::Result<()> {
    let mut output = OutputFile::create(&stack.folder.join("dist").join(stack.deb_file_name()))?;
    let mut file = File::open(&package.path).into_diagnostic()?;
    io::copy(&mut file, &mut output)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", output.path().display()))?;
    output.commit()?;
    link(stack)
}

/// The link by which users name the package, whatever its version.
fn link(stack: &Stack) -> miette::Result<()> {
    let link = stack.folder.join("dist").join(format!("{}.deb", stack.package.name));
    Ok(write_symlink(&link, Path::new(&stack.deb_file_name()))?)
}

/// The time of everything in the package: `SOURCE_DATE_EPOCH`, else the newest changelog entry's.
fn package_epoch(stack: &Stack) -> miette::Result<Epoch> {
    let newest = stack.package.changelog.iter().map(|entry| entry.date).max();
    let named = Epoch::from_environment()?;
    named.or(newest).ok_or_else(|| miette::miette!("the changelog in stack.toml has no entry"))
}

/// The health check's program: beside this one, or where stackdeb's own package has it.
fn health_check() -> miette::Result<PathBuf> {
    let beside = env::current_exe().into_diagnostic()?.with_file_name("health-check");
    let installed = PathBuf::from("/usr/libexec/stackdeb/health-check");
    Ok(if !beside.exists() && installed.exists() { installed } else { beside })
}
