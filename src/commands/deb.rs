//! `stackdeb deb`: `stack.toml`, or a crate's `[package.metadata.deb]` → the package.

use std::path::{Path, PathBuf};

use clap::Args;

use super::variant::VariantArgs;
use crate::apt::Suite;
use crate::build::{crate_package, package, upload};
use crate::cargo::{self, Compile, Multiarch, Options};
use crate::deb::{UploadDistribution, Written};
use crate::render;
use crate::stack::FILE_NAME;
use crate::system::cache::Fresh;
use crate::system::print;
use crate::system::progress::Reporter;

/// The arguments of `stackdeb deb`.
#[derive(Debug, Args)]
pub struct DebArgs {
    /// The project's folder, or its stack.toml; the folder of a crate or workspace with [package.metadata.deb]
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// Make everything again: take nothing from the cache but downloads, and keep nothing that is made
    #[arg(long)]
    no_cache: bool,
    /// Write a .changes file as well, for dput and archives, and the .buildinfo file that it names
    #[arg(long)]
    changes: bool,
    /// The distribution that the .changes file names
    #[arg(long, value_name = "NAME", default_value = render::DISTRIBUTION, requires = "changes")]
    distribution: UploadDistribution,
    #[command(flatten)]
    of_crate: CrateArgs,
}

/// The options for a crate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for a crate")]
struct CrateArgs {
    /// The member of the workspace; it is packaged even beside a stack.toml
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,
    /// Take the programs as they are: cargo has built them before
    #[arg(long)]
    no_build: bool,
    /// Move the debugging data of the programs to a package of their own, NAME-dbgsym
    #[arg(long)]
    dbgsym: bool,
    /// The target that cargo builds for, such as x86_64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Put libraries into /usr/lib/x86_64-linux-gnu, and say in the field `Multi-Arch` that the packages of several
    /// architectures can be installed at once (same), or that this one serves the programs of all (foreign)
    #[arg(long, value_name = "none|same|foreign", value_enum, hide_possible_values = true)]
    multiarch: Option<Multiarch>,
    /// The release that the package is for, such as trixie: its libraries decide what `$auto` stands for. Without it, this
    /// machine's release, or trixie where stackdeb does not know that
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// The package's whole version, in place of the crate's
    #[arg(long, value_name = "VERSION")]
    deb_version: Option<String>,
    /// The package's revision, in place of the key `revision`; 0 for none
    #[arg(long, value_name = "REVISION", conflicts_with = "deb_version")]
    deb_revision: Option<String>,
}

impl CrateArgs {
    /// The first option that was given.
    fn given(&self) -> Option<&'static str> {
        let all = [
            ("--package", self.package.is_some()),
            ("--no-build", self.no_build),
            ("--dbgsym", self.dbgsym),
            ("--target", self.target.is_some()),
            ("--multiarch", self.multiarch.is_some()),
            ("--suite", self.suite.is_some()),
            ("--deb-version", self.deb_version.is_some()),
            ("--deb-revision", self.deb_revision.is_some()),
        ];
        all.into_iter().find_map(|(name, given)| given.then_some(name))
    }
}

/// Builds the packages into the project's `dist` folder and prints the path, size and digest of each.
///
/// # Errors
/// When something in the project is wrong or the package cannot be written. An earlier package then stays as it was.
pub fn run(args: &DebArgs) -> miette::Result<()> {
    let is_stack = !args.project.is_dir() || args.project.join(FILE_NAME).exists();
    if args.of_crate.package.is_some() || (!is_stack && cargo::is_crate(&args.project)) {
        if args.changes {
            return Err(miette::miette!(
                help = "leave it out: the changelog of a crate is a text of any form, which does not say what its newest entry is",
                "--changes is for a project with {FILE_NAME}, and a crate is packaged here"
            ));
        }
        return run_for_crate(args);
    }
    if let Some(option) = args.of_crate.given() {
        return Err(miette::miette!(
            help = "leave it out, or name the crate that you mean with `-p NAME`",
            "{option} is for a crate with [package.metadata.deb], and {} is not one",
            args.project.display()
        ));
    }
    let stack = args.variant.load(&args.project)?;
    let _fresh = match args.no_cache {
        true => {
            package::enter_namespace(&stack)?;
            Some(Fresh::begin()?)
        }
        false => None,
    };
    if args.changes {
        upload::check_places(&stack)?;
    }
    let built = package::build_into_dist(&stack, Reporter::Stderr)?;
    let package = &built.package;
    for sentence in package.notes.left_out_in_all() {
        Reporter::Stderr.say(&sentence);
    }
    report(&package.path, &package.written, &package.warnings())?;
    for beside in built.beside() {
        report(&beside.path, &beside.written, &[])?;
    }
    if args.changes {
        for path in upload::write(&stack, &built, &args.distribution)? {
            print::line(path.display())?;
        }
    }
    Ok(())
}

fn run_for_crate(args: &DebArgs) -> miette::Result<()> {
    let CrateArgs { package, no_build, dbgsym, target, multiarch, suite, deb_version, deb_revision } = &args.of_crate;
    let suite = match suite {
        Some(name) => {
            Suite::find(name).map_err(|error| miette::miette!(help = "name one of them", "--suite: {error}"))?
        }
        None => Suite::of_machine(Path::new("/"))?,
    };
    let options = Options {
        package: package.clone(),
        variant: args.variant.variant.clone(),
        deb_version: deb_version.clone(),
        deb_revision: deb_revision.clone(),
        target: target.clone(),
        dbgsym: *dbgsym,
        multiarch: multiarch.unwrap_or_default(),
        maintainer: None,
    };
    let compile = if *no_build { Compile::Skip } else { Compile::Run };
    let built = crate_package::build_into_dist(&args.project, &options, compile, suite, Reporter::Stderr)?;
    report(&built.path, &built.written, &built.warnings)?;
    built.debug.map_or(Ok(()), |(path, written)| report(&path, &written, &[]))
}

fn report(path: &Path, written: &Written, warnings: &[String]) -> miette::Result<()> {
    for warning in warnings {
        Reporter::Stderr.warn(warning);
    }
    let (size, digest) = (written.size.div_ceil(1000), written.sha256);
    print::line(format_args!("{} ({size} KB, SHA-256 {digest})", path.display()))?;
    Ok(())
}
