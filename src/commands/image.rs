//! `stackdeb image`: `stack.toml` → the package and the disk image. The whole way, one step after the other; everything is
//! checked and built in a folder of its own before the first file of `dist` changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr};

use super::archive::{self, Source};
use super::deb;
use crate::apt::{self, CloudInit, Record, Suite, install_plan, pool, solve};
use crate::control::{PackageName, Relations};
use crate::disk::ext4::{self, FileSystem, Identity};
use crate::disk::manifest::{self, Manifest};
use crate::disk::{gzip, limits};
use crate::render::image::{ImageFacts, ImageFile, Moment, image_files};
use crate::rootfs::{self, Sandbox, finish, packages};
use crate::stack::{self, Stack};
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// The arguments of `stackdeb image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
    /// Leave the stack's own package out: a clean machine with all that it depends on, to try the package on
    #[arg(long)]
    without_package: bool,
}

/// Builds the package and the image.
///
/// # Errors
/// When something in the project is not right, something cannot be had or verified, a package's script fails, the result
/// is too large for Linode, or the user interrupts. Earlier outputs are then as they were.
pub fn run(args: &ImageArgs) -> miette::Result<()> {
    let stack = stack::load(&args.project)?;
    let suite = Suite::find(&stack.image.suite)?;
    refuse_blind(suite)?;
    userns::enter()?;

    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let package = deb::build(&stack, work.path())?;
    let reporter = Reporter::Stderr;
    let source = Source::of(suite, &stack.image, reporter)?;
    let mut archive = archive::open(&cache, &source)?;
    archive.universe.add_local(&package.control, package.path.clone(), package.written.sha256, package.written.size)?;

    let machine = machine_packages(&stack, suite)?;
    let of_stack: Relations = if args.without_package {
        package.depends.clone()
    } else {
        stack.package.name.as_str().parse().into_diagnostic()?
    };
    let universe = &archive.universe;
    let wanted = [universe.essential(), universe.of_priority(apt::Priority::Required), machine, of_stack];
    let chosen = solve(universe, &wanted)?;
    let files = pool::download(&cache, &source.client, &chosen)?;
    let epoch = Epoch::from_environment()?.unwrap_or_else(|| archive.date.max(package.epoch));

    let built =
        Build { stack: &stack, epoch, source: &source, chosen: &chosen, files: &files, work: work.path(), reporter };
    let identity = built.identity();
    let own = built.image_files(&identity)?;
    let root = built.root(&wanted[2..], &own)?;
    let raw = built.file_system(&root, &identity)?;
    let dist = stack.folder.join("dist");
    let (output, compressed) = compress(&raw, &dist.join(stack.image_file_name()), reporter)?;
    let releases = archive
        .releases
        .iter()
        .map(|release| manifest::Release { suite: release.suite.clone(), date: release.date.to_rfc3339() });
    let manifest = Manifest::new(
        &stack.package.name,
        &stack.package.version,
        suite.name,
        epoch,
        &identity.uuid,
        &compressed,
        releases.collect(),
        chosen.iter().map(|record| manifest_package(record)).collect(),
    );
    let path = output.path().to_owned();
    deb::publish(&stack, &package)?;
    output.commit()?;
    manifest.write(&stack.manifest_path())?;
    let (size, raw_size) = (compressed.compressed_bytes / 1_000_000, compressed.raw_bytes / 1_000_000);
    println!("{} ({size} MB, {raw_size} MB on the disk, {} packages)", path.display(), chosen.len());
    println!("{}", stack.manifest_path().display());
    Ok(())
}

/// An image that never sees its user data has no key for its administrator.
fn refuse_blind(suite: &Suite) -> miette::Result<()> {
    match suite.cloud_init {
        CloudInit::SeesLinode => Ok(()),
        CloudInit::TooOld(version) => Err(miette::miette!(
            help = "set [image] suite in stack.toml to `trixie`; the package itself installs on this suite as well",
            "{} makes no image for Linode: its cloud-init {version} can't read Linode's metadata, which 23.3 and newer do",
            suite.title()
        )),
    }
}

/// What the image holds beside the stack.
fn machine_packages(stack: &Stack, suite: &Suite) -> miette::Result<Relations> {
    let names = packages::MACHINE.iter().chain([&suite.kernel]).copied().collect::<Vec<_>>().join(", ");
    let mut relations: Relations = names.parse().into_diagnostic()?;
    relations.0.extend(stack.image.packages.0.iter().cloned());
    Ok(relations)
}

fn manifest_package(record: &Record) -> manifest::Package {
    manifest::Package {
        name: record.name.clone(),
        version: record.version.to_string(),
        architecture: record.architecture.to_string(),
        sha256: record.sha256,
    }
}

/// All that the steps have in common.
struct Build<'a> {
    stack: &'a Stack,
    epoch: Epoch,
    source: &'a Source,
    chosen: &'a [&'a Record],
    /// The packages' files, in the order of `chosen`.
    files: &'a [PathBuf],
    work: &'a Path,
    reporter: Reporter,
}

impl Build<'_> {
    fn identity(&self) -> Identity {
        let seconds = self.epoch.seconds().to_string();
        let digests: Vec<String> = self.chosen.iter().map(|record| record.sha256.to_string()).collect();
        let mut input = vec![self.stack.package.name.as_str(), self.stack.package.version.as_str(), &seconds];
        input.extend(digests.iter().map(String::as_str));
        Identity::of(&input)
    }

    fn image_files(&self, identity: &Identity) -> miette::Result<Vec<ImageFile>> {
        let suite = self.source.suite;
        let facts = ImageFacts {
            uuid: identity.uuid.clone(),
            mirror: self.source.sources.main.clone(),
            security_mirror: self.source.sources.security.clone(),
            components: suite.components.join(" "),
            keyring: suite.distribution.keyring_path().to_owned(),
        };
        Ok(image_files(self.stack, &facts)?)
    }

    /// The configured and finished root. `asked` are the packages that are wanted for their own sake.
    fn root(&self, asked: &[Relations], own: &[ImageFile]) -> miette::Result<PathBuf> {
        let root = self.work.join("root");
        let (early, late): (Vec<&ImageFile>, Vec<&ImageFile>) =
            own.iter().partition(|file| file.moment == Moment::BeforeConfiguring);
        let plan = rootfs::Plan {
            steps: self.steps()?,
            automatic: self.automatic(asked),
            files: early.iter().map(|file| (file.path.clone(), file.content.clone())).collect(),
            debconf: String::new(),
            epoch: self.epoch,
        };
        rootfs::build(&root, &plan, self.reporter)?;
        let sandbox = Sandbox::new(&root).epoch(self.epoch);
        let late: Vec<ImageFile> = late.into_iter().cloned().collect();
        let _progress = self.reporter.spinner("finishing the root");
        finish::finish(&root, &late, self.epoch, &|command| sandbox.run(command).map_err(Into::into))?;
        Ok(root)
    }

    fn steps(&self) -> miette::Result<Vec<rootfs::Step>> {
        let file = |record: &&Record| {
            let index = self.chosen.iter().position(|chosen| chosen.name == record.name);
            index.and_then(|index| self.files.get(index)).cloned()
        };
        let name = |record: &&Record| record.name.clone();
        let step = |step: &apt::InstallStep| match step {
            apt::InstallStep::Unpack(records) => rootfs::Step::Unpack(records.iter().filter_map(file).collect()),
            apt::InstallStep::Configure(records) => rootfs::Step::Configure(records.iter().map(name).collect()),
        };
        Ok(install_plan(self.chosen)?.iter().map(step).collect())
    }

    /// What is there only because something else depends on it.
    fn automatic(&self, asked: &[Relations]) -> Vec<PackageName> {
        let asked: Vec<&PackageName> =
            asked.iter().flat_map(|relations| &relations.0).flat_map(|one| &one.0).map(|one| &one.name).collect();
        let needed = |record: &&&Record| record.essential || record.priority == apt::Priority::Required;
        let automatic = |record: &&&Record| !needed(record) && !asked.contains(&&record.name);
        self.chosen.iter().filter(automatic).map(|record| record.name.clone()).collect()
    }

    fn file_system(&self, root: &Path, identity: &Identity) -> miette::Result<PathBuf> {
        let progress = self.reporter.spinner("making the file system");
        let image = self.work.join("image");
        File::create(&image).into_diagnostic().wrap_err_with(|| format!("cannot make {}", image.display()))?;
        let sandbox = Sandbox::new(root)
            .read_only_root()
            .bind_read_only(root, ext4::TREE)
            .bind(&image, ext4::IMAGE)
            .epoch(self.epoch);
        let name: String = self.stack.package.name.as_str().chars().take(16).collect();
        let label = name.as_str();
        let file_system = FileSystem { label, identity, epoch: self.epoch, free_space: self.stack.image.free_space };
        ext4::make(&file_system, &image, &|command| sandbox.run(command).map_err(Into::into))?;
        drop(progress);
        Ok(image)
    }
}

/// Compresses the raw image into the file that will be called `path`, which is not named yet.
fn compress(raw: &Path, path: &Path, reporter: Reporter) -> miette::Result<(OutputFile, gzip::Compressed)> {
    let raw = File::open(raw).into_diagnostic()?;
    let mut output = OutputFile::create(path)?;
    let threads = thread::available_parallelism().into_diagnostic()?;
    let compressed = gzip::compress(&raw, &mut output, threads, reporter)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot compress the image into {}", path.display()))?;
    limits::check_compressed(compressed.compressed_bytes)?;
    Ok((output, compressed))
}
