//! The pipeline of the image: one [`Stack`] or several → packages → root → file system → `image.img.gz` and its manifest.
//! Everything is checked and built in a folder of its own inside the cache before the first file of `dist/` changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use miette::{IntoDiagnostic, WrapErr};

use super::archive::{self, Repository};
use super::asked::{self, AskedPackages, StackPackage};
use super::choice::{PackageChoice, WantedPackages};
use super::fresh::KeptResults;
use super::image_manifest::packed_library;
use super::image_root::{ImageBuild, RawImage};
use super::image_suite::suite_of;
use super::layer;
use super::locked_image::LockedImage;
use super::package;
use super::source::Source;
use super::unchanged::{MadeImage, Note};
use crate::apt::{OlderRelease, Record};
use crate::disk::gzip::{self, Compressed};
use crate::disk::{limits, manifest};
use crate::render::image::{ImageFacts, image_files};
use crate::render::programs;
use crate::rootfs::Root;
use crate::stack::{Stack, fit_together};
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::epoch::Epoch;
use crate::system::output::OutputFile;
use crate::system::progress::Reporter;
use crate::system::tree::{self, WorkFolder};
use crate::system::userns;

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
/// the first, whose `[image]` table is used, except `packages` and `free-space`. `name` takes the place of the first one's name
/// in that of the image. It enters a user namespace first, so the process must still have a single thread.
///
/// # Errors
/// When there is no stack, two of them cannot be on one machine, something in a project is wrong, a download fails or cannot
/// be verified, a package's script fails, the image is too large for Linode, or the user interrupts. The files in `dist` then
/// stay as they were.
pub fn build(
    stacks: &[Stack],
    name: Option<&str>,
    own: StackPackage,
    older: OlderRelease,
    kept: KeptResults,
    reporter: Reporter,
) -> miette::Result<BuiltImage> {
    let _fresh = kept.begin(|| Ok(userns::enter()?))?;
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to make an image of")) };
    let suite = suite_of(stack)?;
    let locked = LockedImage::of(stack, suite)?;
    fit_together(stacks)?;
    stacks.iter().try_for_each(package::check_places)?;
    userns::enter()?;
    // Without it, there is no overlay.
    let _ = userns::own_mounts();

    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let AskedPackages { packages, relations: asked, requires } =
        AskedPackages::of(stacks, suite, own, &cache, work.path(), reporter)?;
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let source = match locked {
        None => Source::Archive(repository.releases(&cache, older)?),
        Some(locked) => Source::Lock(locked.checked(&requires)?),
    };
    let newest = packages.iter().fold(source.date(), |newest, package| newest.max(package.epoch));
    let epoch = Epoch::from_environment()?.unwrap_or(newest);
    let (files, work) = (Vec::new(), work.path());
    let mut build = ImageBuild {
        stack,
        stacks,
        name,
        epoch,
        repository: &repository,
        packages: &packages,
        chosen: &[],
        files,
        work,
        reporter,
    };

    let (path, manifest_path) = (stack.dist().join(stack.image_file_name_as(name)), stack.manifest_path_as(name));
    let publish = || stacks.iter().zip(&packages).try_for_each(|(stack, package)| package::publish(stack, package));
    let note = Note::of(&build, &asked, &packages, &source, &cache)?;
    if let Some(MadeImage { sizes, packages, warnings }) = note.find(&path, &manifest_path) {
        publish()?;
        warnings.iter().for_each(|warning| reporter.warn(warning));
        reporter.say("nothing has changed since the image was made, so it is left as it is");
        return Ok(BuiltImage { path, manifest: manifest_path, sizes, packages });
    }

    let wanted = WantedPackages::of_image(stacks, &packages, &asked, &repository, &source);
    let PackageChoice { records, warnings } = wanted.choose(&cache, work, reporter)?;
    warnings.iter().for_each(|warning| reporter.warn(warning));
    let chosen: Vec<&Record> = records.iter().collect();
    build.chosen = &chosen;
    build.files = source.download(&cache, &repository, &chosen)?;
    let installed = if own == StackPackage::Installed { stacks } else { &[] };
    let refuse = |root: &Root| installed.iter().try_for_each(|stack| refuse_missing_programs(stack, root));
    let RawImage { layer, path: raw, identity } = build.raw_image(&asked, &refuse, &cache)?;
    let blocks = Store::new(cache.blocks(), work.to_owned()).into_diagnostic()?;
    let (output, sizes) = thread::scope(|scope| {
        scope.spawn(|| {
            drop(layer);
            discard(work, &["base", "changes", "root"]);
        });
        compress(&raw, &path, &blocks, reporter)
    })?;
    let mut libraries: Vec<manifest::PackedLibrary> = match own {
        StackPackage::Installed => {
            packages.iter().flat_map(|package| &package.libraries.all).map(packed_library).collect()
        }
        StackPackage::LeftOut => Vec::new(),
    };
    libraries.sort();
    libraries.dedup();
    let manifest = thread::scope(|scope| {
        scope.spawn(|| discard(work, &["image"]));
        layer::keep_few(&cache);
        cache.keep_within_limit(reporter);
        build.manifest(&source.infos(&repository), &identity, &sizes, installed, libraries)
    })?;
    publish()?;
    output.commit()?;
    manifest.write(&manifest_path)?;
    let made = MadeImage { sizes, packages: chosen.len(), warnings };
    if let Err(error) = note.write(&made, &manifest_path) {
        reporter.warn(&format!("the next image is made again even if nothing changes: {error}"));
    }
    Ok(BuiltImage { path, manifest: manifest_path, sizes, packages: chosen.len() })
}

/// Removes what this build needs no more. On ext4 a sync waits for the contents of other new files as well, so without this
/// the finished image would wait until the whole root is on the disk. It takes 0.1 s for 700 MB, so it runs beside something
/// else. What cannot be removed goes with the work folder.
fn discard(work: &Path, names: &[&str]) {
    for name in names {
        let _ = tree::remove(&work.join(name));
    }
}

/// Finds the mistakes in the project that [`build`] would find before it asks a mirror, and writes nothing. The package is
/// not looked at: see [`package::check`].
///
/// # Errors
/// As [`build`].
pub fn check(stack: &Stack) -> miette::Result<()> {
    let suite = suite_of(stack)?;
    asked::machine_packages(std::slice::from_ref(stack), suite)?;
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

/// Compresses the raw image into the file that will be called `path`, which is not named yet.
fn compress(raw: &Path, path: &Path, kept: &Store, reporter: Reporter) -> miette::Result<(OutputFile, Compressed)> {
    let raw = File::open(raw).into_diagnostic()?;
    let mut output = OutputFile::create(path)?;
    let threads = thread::available_parallelism().into_diagnostic()?;
    let compressed = gzip::compress(&raw, &mut output, threads, Some(kept), reporter)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot compress the image into {}", path.display()))?;
    limits::check_compressed(compressed.compressed_bytes)?;
    Ok((output, compressed))
}
