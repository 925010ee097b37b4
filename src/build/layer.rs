//! A root as a layer on its base: the tree of the base stays in the cache as it is, and an overlay takes what is put on top.
//! So an image of a changed app makes some hundred files instead of all, and a build command those that it writes. Where
//! there can be no overlay, the whole tree is made in the work folder ([`base`]). The image has the same bytes.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use miette::IntoDiagnostic;

use super::base;
use crate::rootfs::{Overlay, Root, RootPlan, keep};
use crate::system::cache::{Cache, contents};
use crate::system::interrupt;
use crate::system::progress::Reporter;
use crate::system::tree;
use crate::system::userns::Ids;

/// How many trees stay in the cache. Each has about 400 MB, or 100 where libraries are built or a build command runs.
const MOST: usize = 4;
/// The tree of a base, in its folder of the cache.
const TREE: &str = "tree";
/// The digest of the tree, beside it. It is written last.
const DIGEST: &str = "digest";

/// A root that begins as a base.
pub(super) struct Layer {
    pub root: Root,
    /// Dropped after `root` (fields are dropped in their order), which has a folder of the overlay open.
    _overlay: Option<Overlay>,
    check: Option<Check>,
}

/// Compares a tree of the cache with its digest in the background, while the build already uses the tree.
struct Check {
    kept: PathBuf,
    progress: CheckProgress,
}

enum CheckProgress {
    /// The tree, and the digest that it had.
    Waiting(Root, String),
    Running(JoinHandle<io::Result<bool>>),
}

impl CheckProgress {
    fn begun(self) -> JoinHandle<io::Result<bool>> {
        match self {
            Self::Waiting(tree, expected) => {
                thread::spawn(move || Ok(format!("{}\n", keep::digest(&tree)?) == expected))
            }
            Self::Running(running) => running,
        }
    }
}

impl Layer {
    /// A root on the base of `plan`, in the folder `work` of this build. If its tree is taken from the cache, its check waits for
    /// [`Self::begin_check`].
    ///
    /// # Errors
    /// As [`base::make`].
    pub fn on_base(work: &Path, plan: &RootPlan, cache: &Cache, reporter: Reporter) -> miette::Result<Self> {
        // The files of a tree belong to ids of this machine, which may be others for the next build.
        let (key, root) = (base::key(plan).into_diagnostic()?, Ids::of_a_root().root());
        let kept = cache.trees().join(format!("{key}-{root}"));
        if let Some(layer) = Self::on_kept(work, kept.clone()) {
            return Ok(layer);
        }
        let made = work.join("base");
        // Nobody else may enter; see `WorkFolder`.
        DirBuilder::new().mode(0o700).recursive(true).create(&made).into_diagnostic()?;
        let root = base::make(&made.join(TREE), plan, cache, reporter)?;
        let Ok(overlay) = Overlay::mount(&made.join(TREE), &work.join("changes"), &work.join("root")) else {
            return Ok(Self { root, _overlay: None, check: None });
        };
        if !cache.keeps_results() {
            return Ok(Self { root: open(&work.join("root"))?, _overlay: Some(overlay), check: None });
        }
        let progress = reporter.spinner("keeping the unpacked packages in the cache");
        // Another build may have kept it meanwhile; then this one stays in the work folder.
        let saved = keep::digest(&root).and_then(|digest| {
            fs::write(made.join(DIGEST), format!("{digest}\n"))?;
            let _ = fs::rename(&made, &kept);
            Ok(())
        });
        drop(progress);
        interrupt::check().into_diagnostic()?;
        if let Err(error) = saved {
            reporter.warn(&format!("the next image takes longer, as the base's tree cannot be kept: {error}"));
        }
        Ok(Self { root: open(&work.join("root"))?, _overlay: Some(overlay), check: None })
    }

    /// A root with a base of its own.
    ///
    /// # Errors
    /// As [`base::make`].
    pub fn whole(work: &Path, plan: &RootPlan, cache: &Cache, reporter: Reporter) -> miette::Result<Self> {
        Ok(Self { root: base::make(&work.join("root"), plan, cache, reporter)?, _overlay: None, check: None })
    }

    /// A root on a tree of the cache. `None` if no tree is kept, or there can be no overlay.
    fn on_kept(work: &Path, kept: PathBuf) -> Option<Self> {
        let expected = fs::read_to_string(kept.join(DIGEST)).ok()?;
        let tree = Root::open(&kept.join(TREE), Ids::of_a_root()).ok()?;
        let overlay = Overlay::mount(&kept.join(TREE), &work.join("changes"), &work.join("root")).ok()?;
        let root = open(&work.join("root")).ok()?;
        contents::note_use(&kept);
        let progress = CheckProgress::Waiting(tree, expected);
        Some(Self { root, _overlay: Some(overlay), check: Some(Check { kept, progress }) })
    }

    /// Begins to check the tree on another thread, if that was taken from the cache.
    pub fn begin_check(self) -> Self {
        let running = |check: Check| Check { progress: CheckProgress::Running(check.progress.begun()), ..check };
        Self { check: self.check.map(running), ..self }
    }

    /// Waits for the check of a tree from the cache; begins it if that is still to be done. `None` if the tree is damaged:
    /// then what was made on it is of no use, and the tree is moved from the cache to the folder `work`.
    ///
    /// # Errors
    /// When the user interrupts, or the damaged tree cannot be moved.
    pub fn checked(self, work: &Path, reporter: Reporter) -> miette::Result<Option<Self>> {
        let Some(Check { kept, progress }) = self.check else { return Ok(Some(self)) };
        let found = progress.begun().join().unwrap_or_else(|_| Err(io::Error::other("the check ended unexpectedly")));
        interrupt::check().into_diagnostic()?;
        let why = match found {
            Ok(true) => return Ok(Some(Self { check: None, ..self })),
            Ok(false) => "its digest is another".to_owned(),
            Err(error) => error.to_string(),
        };
        let name = kept.display();
        reporter.warn(&format!("the base kept as {name} is damaged, so it is unpacked again: {why}"));
        drop((self.root, self._overlay));
        // Another build may use it still, or have moved it already.
        match fs::rename(&kept, work.join("damaged")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).into_diagnostic(),
            _ => {}
        }
        for folder in ["changes", "root"] {
            tree::remove(&work.join(folder))?;
        }
        Ok(None)
    }
}

/// Removes the trees that were not used for the longest time, unless another build runs.
pub(super) fn keep_few(cache: &Cache) {
    cache.keep_newest(&cache.trees(), MOST);
}

fn open(path: &Path) -> miette::Result<Root> {
    Root::open(path, Ids::of_a_root()).into_diagnostic()
}
