//! A small root of the target's suite, for programs that run while a package is built: the essential packages, Python, and
//! what is asked for, configured by the suite's own dpkg. Its digest says whether another build had the same packages.

use std::path::Path;

use miette::IntoDiagnostic;

use super::archive::Repository;
use super::base;
use super::choice::WantedPackages;
use super::installed::InstalledInRoots;
use super::layer::{self, Layer};
use super::source::Source;
use crate::apt::{self, OlderRelease, Record, Suite, install_plan, pool};
use crate::control::{PackageName, Relations};
use crate::rootfs::{self, DpkgStep, RootFile};
use crate::stack::Image;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;

/// What no program needs is not unpacked, which saves a third of the time.
const DPKG_RULES: (&str, &str) = (
    "etc/dpkg/dpkg.cfg.d/build-root",
    "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/info/*\npath-exclude=/usr/share/locale/*\n",
);

/// The packages of a root that is to be built.
pub(super) struct BuildRoot {
    repository: Repository,
    chosen: Vec<Record>,
    /// The time of what is made in the root.
    date: Epoch,
}

impl BuildRoot {
    /// A root with Python and `packages`, from the mirrors and with the keys that `image` names.
    ///
    /// # Errors
    /// When the mirror cannot be asked, what it says cannot be verified, or a package that was asked for cannot be had.
    pub(super) fn of(
        suite: &'static Suite,
        image: &Image,
        packages: Relations,
        cache: &Cache,
        reporter: Reporter,
    ) -> miette::Result<Self> {
        let repository = Repository::for_image(suite, image, reporter)?;
        let source = Source::Archive(repository.releases(cache, OlderRelease::Refused)?);
        let asked = ["python3".parse().into_diagnostic()?, packages];
        let wanted = WantedPackages {
            stacks: &[],
            packages: &[],
            priority: None,
            asked: &asked,
            repository: &repository,
            source: &source,
        };
        let scratch = WorkFolder::create(&cache.work())?;
        let chosen = wanted.choose(cache, scratch.path(), reporter)?.records;
        Ok(Self { date: source.date(), chosen, repository })
    }

    pub(super) fn installed(&self) -> InstalledInRoots {
        InstalledInRoots::known(
            self.chosen.iter().map(|record| (record.name.clone(), record.version.clone())).collect(),
        )
    }

    /// Two roots with the same digest have the same packages.
    pub(super) fn digest(&self) -> Sha256 {
        let mut digests: Vec<String> = self.chosen.iter().map(|record| record.sha256.to_string()).collect();
        digests.sort();
        Sha256::of(digests.join("\n").as_bytes())
    }

    /// Downloads the packages and installs them, unless that root is in the cache. What is written in it is in the folder
    /// `work`. The process must be root, if only in a namespace.
    ///
    /// # Errors
    /// When a download fails or cannot be verified, a package's script fails, the disk is full, or the user interrupts.
    pub(super) fn build(&self, work: &Path, cache: &Cache, reporter: Reporter) -> miette::Result<Layer> {
        let chosen: Vec<&Record> = self.chosen.iter().collect();
        let files = pool::download(cache, &self.repository.client, &chosen)?;
        let file_of = |name: &PackageName| {
            chosen.iter().zip(&files).find(|(record, _)| record.name == *name).map(|(_, file)| file.clone())
        };
        let step = |step: &apt::InstallStep| match step {
            apt::InstallStep::Unpack(records) => {
                DpkgStep::Unpack(records.iter().filter_map(|record| file_of(&record.name)).collect())
            }
            apt::InstallStep::Configure(records) => {
                DpkgStep::Configure(records.iter().map(|record| record.name.clone()).collect())
            }
        };
        let (path, content) = DPKG_RULES;
        let plan = rootfs::RootPlan {
            steps: install_plan(&chosen)?.iter().map(step).collect(),
            base_passwd: file_of(&"base-passwd".parse().into_diagnostic()?),
            files: vec![RootFile { path: path.into(), mode: 0o644, content: content.to_owned() }],
            debconf: String::new(),
            epoch: base::time(files.iter().cloned())?,
        };
        let nothing_more = rootfs::Addition { packages: Vec::new(), automatic: Vec::new(), epoch: self.date };
        loop {
            let layer = Layer::on_base(work, &plan, cache, reporter)?.begin_check();
            let completed = rootfs::complete(&layer.root, &nothing_more, reporter);
            // What fails on a damaged tree is tried again.
            if let Some(layer) = layer.checked(work, reporter)? {
                completed?;
                layer::keep_few(cache);
                return Ok(layer);
            }
        }
    }
}
