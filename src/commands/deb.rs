//! `stackdeb deb`: `stack.toml`, or a crate's `[package.metadata.deb]` → the package.

use std::path::PathBuf;

use clap::Args;

use super::variant::VariantArgs;
use crate::build::deb::{self, BuiltDebs, DebRequest};
use crate::build::fresh::KeptResults;
use crate::cargo::{Compile, Multiarch, Options};
use crate::deb::{UploadDistribution, Written};
use crate::render;
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
/// As [`deb::build`].
pub fn run(args: &DebArgs) -> miette::Result<()> {
    let BuiltDebs { left_out, warnings, packages, upload } = deb::build(&args.request(), Reporter::Stderr)?;
    left_out.iter().for_each(|sentence| Reporter::Stderr.say(sentence));
    warnings.iter().for_each(|warning| Reporter::Stderr.warn(warning));
    for (path, Written { size, sha256, .. }) in packages {
        print::line(format_args!("{} ({} KB, SHA-256 {sha256})", path.display(), size.div_ceil(1000)))?;
    }
    for path in upload? {
        print::line(path.display())?;
    }
    Ok(())
}

impl DebArgs {
    fn request(&self) -> DebRequest<'_> {
        let of_crate = &self.of_crate;
        DebRequest {
            project: &self.project,
            kept: KeptResults::unless(self.no_cache),
            changes: self.changes.then_some(&self.distribution),
            crate_option: of_crate.given(),
            options: Options {
                package: of_crate.package.clone(),
                variant: self.variant.variant.clone(),
                deb_version: of_crate.deb_version.clone(),
                deb_revision: of_crate.deb_revision.clone(),
                target: of_crate.target.clone(),
                dbgsym: of_crate.dbgsym,
                multiarch: of_crate.multiarch.unwrap_or_default(),
                maintainer: None,
            },
            compile: if of_crate.no_build { Compile::Skip } else { Compile::Run },
            suite: of_crate.suite.as_deref(),
        }
    }
}
