//! The pipeline of the image: one [`Stack`] or several → packages → root → file system → `image.img.gz` and its manifest. Everything is
//! checked and built in a folder of its own inside the cache before the first file of `dist/` changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use miette::{IntoDiagnostic, WrapErr};

use super::archive::{self, Repository};
use super::{advice, base, package};
use crate::apt::{self, Archive, CloudInit, OlderRelease, Record, Suite, install_plan, names, pool, solve};
use crate::control::{PackageName, Priority, Relations};
use crate::disk::ext4::{self, FileSystem, Identity};
use crate::disk::gzip::{self, Compressed};
use crate::disk::limits;
use crate::disk::manifest::{self, Manifest};
use crate::python::Library;
use crate::render::image::{ImageFacts, ImageFile, Moment, image_files, image_files_of};
use crate::render::programs;
use crate::rootfs::{self, DpkgStep, Root, RootFile, Sandbox, finish, packages};
use crate::stack::{Stack, fit_together};
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// Whether the image has the stack's own package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackPackage {
    Installed,
    /// Only the packages that it depends on are installed: a clean machine, on which the package can be tried.
    LeftOut,
}

/// An image that was built into the project's `dist` folder.
pub struct BuiltImage {
    pub path: PathBuf,
    pub manifest: PathBuf,
    /// Its sizes and digests, compressed and not.
    pub sizes: Compressed,
    /// How many packages are installed in it.
    pub packages: usize,
}

/// Builds the packages of `stacks`, each into the `dist` folder of its project, and one image with all of them into that of
/// the first, whose `[image]` table holds but for `packages` and `free-space`. `name` takes the place of the first one's name
/// in that of the image. It enters a user namespace first, so the process must still have a single thread.
///
/// # Errors
/// When there is no stack, two of them cannot be on one machine, something in a project is wrong, a download fails or cannot be verified, a package's script fails, the image is
/// too large for Linode, or the user interrupts. The files in `dist` then stay as they were.
pub fn build(
    stacks: &[Stack],
    name: Option<&str>,
    own: StackPackage,
    older: OlderRelease,
    reporter: Reporter,
) -> miette::Result<BuiltImage> {
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to make an image of")) };
    let suite = suite_of(stack)?;
    fit_together(stacks)?;
    stacks.iter().try_for_each(package::check_places)?;
    userns::enter()?;

    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    // In a folder of its own, which the scripts of packages see.
    let mut packages = Vec::new();
    for stack in stacks {
        let package = package::build(stack, &work.path().join("package"), reporter)?;
        if let Some(sentence) = package.notes.left_out_in_all() {
            reporter.say(&sentence);
        }
        for warning in package.warnings() {
            reporter.say(&format!("warning: {warning}"));
        }
        packages.push(package);
    }
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let mut archive = repository.open(&cache, older)?;
    names::keep(&archive.universe, suite, &cache)?;
    for stack in stacks {
        refuse_taken(stack, &archive, suite)?;
        let version_of = |name: &PackageName| Some(archive.universe.candidate(name.as_str())?.version.clone());
        for sentence in advice::of_relations(stack, version_of) {
            reporter.say(&format!("warning: {sentence}"));
        }
    }
    for package in &packages {
        let (path, written) = (package.path.clone(), &package.written);
        archive.universe.add_local(&package.control, path, written.sha256, written.size)?;
    }

    let mut asked = vec![machine_packages(stacks, suite)?];
    for (stack, package) in stacks.iter().zip(&packages) {
        asked.push(match own {
            StackPackage::LeftOut => package.depends.clone(),
            StackPackage::Installed => stack.package.name.as_str().parse().into_diagnostic()?,
        });
    }
    let universe = &archive.universe;
    let mut wanted = vec![universe.essential(), universe.of_priority(Priority::Required)];
    wanted.extend(asked.iter().cloned());
    let chosen = solve(universe, &wanted)?;
    let files = pool::download(&cache, &repository.client, &chosen)?;
    let newest = packages.iter().fold(archive.date, |newest, package| newest.max(package.epoch));
    let epoch = Epoch::from_environment()?.unwrap_or(newest);

    let build = Build {
        stack,
        stacks,
        name,
        epoch,
        repository: &repository,
        chosen: &chosen,
        files: &files,
        work: work.path(),
        reporter,
    };
    let identity = build.identity();
    let root = build.root(&asked, &identity, &cache)?;
    if own == StackPackage::Installed {
        stacks.iter().try_for_each(|stack| refuse_missing_programs(stack, &root))?;
    }
    let raw = build.file_system(&root, &identity)?;
    let (output, sizes) = compress(&raw, &stack.dist().join(stack.image_file_name_as(name)), reporter)?;
    let mut libraries: Vec<manifest::PackedLibrary> = match own {
        StackPackage::Installed => {
            packages.iter().flat_map(|package| &package.libraries.all).map(packed_library).collect()
        }
        StackPackage::LeftOut => Vec::new(),
    };
    libraries.sort();
    libraries.dedup();
    let installed = if own == StackPackage::Installed { stacks } else { &[] };
    let manifest = build.manifest(&archive, &identity, &sizes, installed, libraries);
    let path = output.path().to_owned();
    for (stack, package) in stacks.iter().zip(&packages) {
        package::publish(stack, package)?;
    }
    output.commit()?;
    let manifest_path = stack.manifest_path_as(name);
    manifest.write(&manifest_path)?;
    Ok(BuiltImage { path, manifest: manifest_path, sizes, packages: chosen.len() })
}

/// Finds the mistakes in the project that [`build`] would find before it asks a mirror, and writes nothing. The package is
/// not looked at: see [`package::check`].
///
/// # Errors
/// As [`build`].
pub fn check(stack: &Stack) -> miette::Result<()> {
    let suite = suite_of(stack)?;
    machine_packages(std::slice::from_ref(stack), suite)?;
    archive::keyring_of(suite, &stack.image)?;
    let facts = ImageFacts {
        uuid: String::new(),
        mirror: String::new(),
        security_mirror: String::new(),
        components: suite.components.join(" "),
        keyring: suite.distribution.keyring_path().to_owned(),
    };
    image_files(stack, &facts)?;
    Ok(())
}

/// The suite that the image is made of.
fn suite_of(stack: &Stack) -> miette::Result<&'static Suite> {
    let suite = Suite::find(&stack.image.suite)?;
    refuse_blind(suite)?;
    Ok(suite)
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

/// On the machine, apt would replace the stack by a package of the distribution with the same name.
fn refuse_taken(stack: &Stack, archive: &Archive, suite: &Suite) -> miette::Result<()> {
    match archive.universe.candidate(stack.package.name.as_str()) {
        None => Ok(()),
        Some(theirs) => Err(miette::miette!(
            help = "correct [package] name in stack.toml",
            "{}: {}",
            suite.title(),
            advice::taken(stack, &theirs.version)
        )),
    }
}

/// A worker or timer whose program is nowhere would fail on each machine.
fn refuse_missing_programs(stack: &Stack, root: &Root) -> miette::Result<()> {
    match programs::missing(stack, |path| root.has_file(path) || root.link_target(path).is_some()).into_iter().next() {
        None => Ok(()),
        Some((table, program)) => Err(miette::miette!(
            help = "add the package that has it to [app] depends, or correct the command in stack.toml",
            "no package of the image has the program `{program}` of {table}"
        )),
    }
}

/// What the image holds beside the stacks.
fn machine_packages(stacks: &[Stack], suite: &Suite) -> miette::Result<Relations> {
    let names = packages::MACHINE.iter().chain([&suite.kernel]).copied().collect::<Vec<_>>().join(", ");
    let mut relations: Relations = names.parse().into_diagnostic()?;
    relations.0.extend(stacks.iter().flat_map(|stack| &stack.image.packages.0).cloned());
    Ok(relations)
}

fn installed_package(record: &Record) -> manifest::InstalledPackage {
    manifest::InstalledPackage {
        name: record.name.clone(),
        version: record.version.to_string(),
        architecture: record.architecture.to_string(),
        sha256: record.sha256,
    }
}

fn installed_stack(stack: &Stack) -> manifest::InstalledStack {
    let Stack { package, site, health, .. } = stack;
    manifest::InstalledStack {
        name: package.name.to_string(),
        version: package.version.to_string(),
        port: site.port,
        https: site.has_tls(),
        host: site.host().map(str::to_owned),
        health_path: health.path.clone(),
    }
}

fn packed_library(library: &Library) -> manifest::PackedLibrary {
    manifest::PackedLibrary { name: library.name.to_string(), version: library.version.clone(), sha256: library.sha256 }
}

fn root_file(file: ImageFile) -> RootFile {
    RootFile { path: file.path, mode: file.mode, content: file.content }
}

/// What all steps of one build need.
struct Build<'a> {
    /// The first one.
    stack: &'a Stack,
    /// All of them.
    stacks: &'a [Stack],
    /// The image's name, if it is not the first one's.
    name: Option<&'a str>,
    epoch: Epoch,
    repository: &'a Repository,
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
        let mut input = vec![self.image_name(), self.stack.package.version.as_str(), &seconds];
        input.extend(digests.iter().map(String::as_str));
        Identity::of(&input)
    }

    fn image_files(&self, identity: &Identity) -> miette::Result<Vec<ImageFile>> {
        let suite = self.repository.suite;
        let facts = ImageFacts {
            uuid: identity.uuid.clone(),
            mirror: self.repository.sources.main.clone(),
            security_mirror: self.repository.sources.security.clone(),
            components: suite.components.join(" "),
            keyring: suite.distribution.keyring_path().to_owned(),
        };
        let others = self.stacks.get(1..).unwrap_or_default();
        Ok(image_files_of(self.stack, others, &facts)?)
    }

    fn image_name(&self) -> &str {
        self.name.unwrap_or(self.stack.package.name.as_str())
    }

    /// The configured and finished root. `asked` are the packages that are wanted for their own sake.
    fn root(&self, asked: &[Relations], identity: &Identity, cache: &Cache) -> miette::Result<Root> {
        let (own, mut of_base): (Vec<&Record>, Vec<&Record>) =
            self.chosen.iter().partition(|record| self.is_own(record));
        // In an order that does not depend on the stack's name.
        of_base.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        // The base has no part of the app, so its files have a UUID of its own.
        let digests: Vec<String> = of_base.iter().map(|record| record.sha256.to_string()).collect();
        let of_digests = Identity::of(&digests.iter().map(String::as_str).collect::<Vec<_>>());
        let is_early = |file: &ImageFile| file.moment == Moment::BeforeConfiguring;
        let early: Vec<ImageFile> = self.image_files(&of_digests)?.into_iter().filter(is_early).collect();
        let late = self.image_files(identity)?.into_iter().filter(|file| !early.contains(file));
        let plan = rootfs::Plan {
            steps: self.steps(&of_base)?,
            base_passwd: self.file_of("base-passwd"),
            files: early.iter().cloned().map(root_file).collect(),
            debconf: String::new(),
            epoch: base::time(of_base.iter().filter_map(|record| self.file_of(record.name.as_str())))?,
        };
        let root = base::make(&self.work.join("root"), &plan, cache, self.reporter)?;
        let file_of = |record: &&Record| Some((record.name.clone(), self.file_of(record.name.as_str())?));
        let addition = rootfs::Addition {
            packages: own.iter().filter_map(file_of).collect(),
            automatic: self.automatic(asked),
            epoch: self.epoch,
        };
        rootfs::complete(&root, &addition, self.reporter)?;
        let sandbox = Sandbox::new(&root).epoch(self.epoch);
        let late: Vec<RootFile> = late.map(root_file).collect();
        let _progress = self.reporter.spinner("finishing the root");
        finish::finish(&root, &late, self.epoch, &|command| sandbox.run(command).map_err(Into::into))?;
        Ok(root)
    }

    /// Whether it is the package of one of the stacks.
    fn is_own(&self, record: &Record) -> bool {
        self.stacks.iter().any(|stack| stack.package.name == record.name)
    }

    /// The downloaded `.deb` file of a chosen package.
    fn file_of(&self, name: &str) -> Option<PathBuf> {
        let mut pairs = self.chosen.iter().zip(self.files);
        pairs.find(|(record, _)| record.name.as_str() == name).map(|(_, file)| file.clone())
    }

    fn steps(&self, records: &[&Record]) -> miette::Result<Vec<DpkgStep>> {
        let file = |record: &&Record| self.file_of(record.name.as_str());
        let name = |record: &&Record| record.name.clone();
        let step = |step: &apt::InstallStep| match step {
            apt::InstallStep::Unpack(records) => DpkgStep::Unpack(records.iter().filter_map(file).collect()),
            apt::InstallStep::Configure(records) => DpkgStep::Configure(records.iter().map(name).collect()),
        };
        Ok(install_plan(records)?.iter().map(step).collect())
    }

    /// What is there only because something else depends on it.
    fn automatic(&self, asked: &[Relations]) -> Vec<PackageName> {
        let asked: Vec<&PackageName> =
            asked.iter().flat_map(|relations| &relations.0).flat_map(|one| &one.0).map(|one| &one.name).collect();
        let needed = |record: &&&Record| record.essential || record.priority == Priority::Required;
        let automatic = |record: &&&Record| !needed(record) && !asked.contains(&&record.name);
        self.chosen.iter().filter(automatic).map(|record| record.name.clone()).collect()
    }

    fn manifest(
        &self,
        archive: &Archive,
        identity: &Identity,
        sizes: &Compressed,
        installed: &[Stack],
        libraries: Vec<manifest::PackedLibrary>,
    ) -> Manifest {
        let releases = archive
            .releases
            .iter()
            .map(|release| manifest::Release { suite: release.suite.clone(), date: release.date.to_rfc3339() });
        Manifest::new(
            self.image_name(),
            &self.stack.package.version,
            self.stack.variant(),
            self.repository.suite.name,
            self.epoch,
            &identity.uuid,
            sizes,
            installed.iter().map(installed_stack).collect(),
            releases.collect(),
            self.chosen.iter().map(|record| installed_package(record)).collect(),
            libraries,
        )
    }

    fn file_system(&self, root: &Root, identity: &Identity) -> miette::Result<PathBuf> {
        let progress = self.reporter.spinner("making the file system");
        let image = self.work.join("image");
        File::create(&image).into_diagnostic().wrap_err_with(|| format!("cannot make {}", image.display()))?;
        let sandbox =
            Sandbox::new(root).read_only_root().show_tree(ext4::TREE).bind(&image, ext4::IMAGE).epoch(self.epoch);
        let name: String = self.image_name().chars().take(16).collect();
        let label = name.as_str();
        let free_space = self.stacks.iter().map(|stack| stack.image.free_space).max().unwrap_or_default();
        let file_system = FileSystem { label, identity, epoch: self.epoch, free_space };
        ext4::make(&file_system, &image, &|command| sandbox.run(command).map_err(Into::into))?;
        drop(progress);
        Ok(image)
    }
}

/// Compresses the raw image into the file that will be called `path`, which is not named yet.
fn compress(raw: &Path, path: &Path, reporter: Reporter) -> miette::Result<(OutputFile, Compressed)> {
    let raw = File::open(raw).into_diagnostic()?;
    let mut output = OutputFile::create(path)?;
    let threads = thread::available_parallelism().into_diagnostic()?;
    let compressed = gzip::compress(&raw, &mut output, threads, reporter)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot compress the image into {}", path.display()))?;
    limits::check_compressed(compressed.compressed_bytes)?;
    Ok((output, compressed))
}
