//! The base of an image: all of its packages but the stack's own, configured. It does not depend on the app, so it is kept in
//! the cache, and an image of a changed app begins with it. Whether it was made or taken from there, the image has the same
//! bytes.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

use miette::{IntoDiagnostic, WrapErr};

use crate::deb::Reader;
use crate::rootfs::{self, DpkgStep, Root, RootPlan, keep};
use crate::system::cache::{Cache, contents};
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::interrupt;
use crate::system::program;
use crate::system::progress::Reporter;
use crate::system::tree;
use crate::system::userns::Ids;

/// How many bases stay in the cache. Each has about 170 MB, or 40 where libraries are built; the ones that were not used for
/// the longest time go. A computer that builds a few stacks, for two releases, with sandboxes for their libraries, has about
/// ten.
const MOST: usize = 16;

/// Makes the base of `plan` in the new folder `path`: from the cache if it is kept there, else from its packages, and then it
/// is kept. Its files have times up to `plan.epoch`.
///
/// # Errors
/// When a package or a script of it fails, the disk is full, or the user interrupts. A base that cannot be kept, or that is
/// damaged in the cache, is no error: a sentence says so.
pub(super) fn make(path: &Path, plan: &RootPlan, cache: &Cache, reporter: Reporter) -> miette::Result<Root> {
    let ids = Ids::of_a_root();
    let create = || {
        let made = Root::create(path, ids).into_diagnostic();
        made.wrap_err_with(|| format!("cannot make the root {}", path.display()))
    };
    let kept = cache.bases().join(format!("{}.tar.zst", key(plan).into_diagnostic()?));
    if let Ok(file) = File::open(&kept) {
        contents::note_use(&kept);
        let root = create()?;
        let Err(error) = take(&file, &root, reporter) else { return Ok(root) };
        interrupt::check().into_diagnostic()?;
        let name = kept.display();
        reporter.warn(&format!("the base kept as {name} is damaged, so it is made again: {error}"));
        let _ = fs::remove_file(&kept);
        tree::remove(path)?;
    }
    let root = create()?;
    rootfs::build(&root, plan, reporter)?;
    root.clamp_times(plan.epoch)
        .map_err(|(path, error)| miette::miette!("cannot set the times of {} in the root: {error}", path.display()))?;
    if !cache.keeps_results() {
        return Ok(root);
    }
    let progress = reporter.spinner("keeping the configured packages in the cache");
    let saved = save(&root, &kept);
    drop(progress);
    interrupt::check().into_diagnostic()?;
    if let Err(error) = saved {
        reporter.warn(&format!("the next image begins from nothing again, as the base cannot be kept: {error}"));
    }
    Ok(root)
}

/// The time of a base of these packages: that of the newest. Not that of the archive, which is another every day, nor that of
/// the app; with either, a base could be used only once.
///
/// # Errors
/// When one of them cannot be read.
pub(super) fn time(packages: impl IntoIterator<Item = PathBuf>) -> miette::Result<Epoch> {
    let mut newest = Epoch::default();
    for path in packages {
        newest = newest.max(Reader::open(&path)?.built()?);
    }
    Ok(newest)
}

fn take(file: &File, root: &Root, reporter: Reporter) -> io::Result<()> {
    let _progress = reporter.spinner("taking the configured packages from the cache");
    keep::load(file, root)
}

/// Without waiting for the disk: what a power cut damages is noticed when it is read.
fn save(root: &Root, kept: &Path) -> io::Result<()> {
    let folder = kept.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let threads = thread::available_parallelism().map_or(1, |number| u32::try_from(number.get()).unwrap_or(1));
    keep::save(root, &mut file, threads)?;
    file.persist(kept).map_err(|error| error.error)?;
    remove_oldest(folder)
}

fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Another build may have removed it meanwhile.
        if let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) {
            found.push((modified, entry.path()));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    for (_, path) in found.into_iter().skip(MOST) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// The name of the base in the cache: the digest of all that it depends on, this program included. A package of the pool is
/// named after its content.
pub(super) fn key(plan: &RootPlan) -> io::Result<Sha256> {
    let program = program::digest()?;
    let mut text = format!("{program} {}\n{}\n", plan.epoch.seconds(), plan.debconf);
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for step in &plan.steps {
        let (what, names): (&str, Vec<String>) = match step {
            DpkgStep::Unpack(files) => ("unpack", files.iter().map(name).collect()),
            DpkgStep::Configure(names) => ("configure", names.iter().map(ToString::to_string).collect()),
        };
        let _ = writeln!(text, "{what} {}", names.join(" "));
    }
    let _ = writeln!(text, "first {}", plan.base_passwd.as_ref().map(name).unwrap_or_default());
    for file in &plan.files {
        let _ = writeln!(text, "{} {:o} {}", file.path.display(), file.mode, Sha256::of(file.content.as_bytes()));
    }
    Ok(Sha256::of(text.as_bytes()))
}
