//! The root of an image and its file system: the packages that were chosen for it → a configured root → a raw image. The base
//! is made first, whatever the app is; see [`base`].

use std::fs::File;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

use super::archive::Repository;
use super::base;
use super::built_package::BuiltPackage;
use super::layer::Layer;
use crate::apt::{self, DebOrigin, Record, install_plan};
use crate::control::{PackageName, Priority, Relations};
use crate::disk::ext4::{self, FileSystem, Identity};
use crate::render::image::{ImageFacts, ImageFile, Moment, image_files_of};
use crate::rootfs::{self, DpkgStep, Root, RootEntry, RootFile, Sandbox, finish};
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::progress::Reporter;

/// What all steps of one build need.
pub(super) struct ImageBuild<'a> {
    /// The first of the stacks, whose `[image]` table holds.
    pub stack: &'a Stack,
    /// Every stack of the image, the first one among them.
    pub stacks: &'a [Stack],
    /// The image's name, if it is not the first one's.
    pub name: Option<&'a str>,
    pub epoch: Epoch,
    pub repository: &'a Repository,
    /// The packages of the stacks.
    pub packages: &'a [BuiltPackage],
    pub chosen: &'a [&'a Record],
    /// The packages' files, in the order of `chosen`.
    pub files: Vec<PathBuf>,
    pub work: &'a Path,
    pub reporter: Reporter,
}

/// An image that is not compressed yet.
pub(super) struct RawImage {
    /// The root that it was made of.
    pub layer: Layer,
    pub path: PathBuf,
    pub identity: Identity,
}

impl ImageBuild<'_> {
    /// Waits until the stacks' packages are compressed: it follows from their digests, too.
    fn identity(&self) -> miette::Result<Identity> {
        let seconds = self.epoch.seconds().to_string();
        let digests = self.chosen.iter().map(|record| Ok(self.digest_of(record)?.to_string()));
        let digests = digests.collect::<miette::Result<Vec<String>>>()?;
        let mut input = vec![self.image_name(), self.stack.package.version.as_str(), &seconds];
        input.extend(digests.iter().map(String::as_str));
        Ok(Identity::of(&input))
    }

    /// The digest of a chosen package, as it is published.
    ///
    /// # Errors
    /// When the package could not be written.
    pub fn digest_of(&self, record: &Record) -> miette::Result<Sha256> {
        let DebOrigin::Local(path) = &record.origin else { return Ok(record.sha256) };
        let mut files = self.packages.iter().flat_map(BuiltPackage::files);
        match files.find(|file| file.path == path) {
            None => Ok(record.sha256),
            Some(file) => Ok(file.published()?.1.sha256),
        }
    }

    pub fn image_files(&self, identity: &Identity) -> miette::Result<Vec<ImageFile>> {
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

    pub fn image_name(&self) -> &str {
        self.name.unwrap_or(self.stack.package.name.as_str())
    }

    pub fn free_space(&self) -> u64 {
        self.stacks.iter().map(|stack| stack.image.free_space).max().unwrap_or_default()
    }

    /// Makes the configured and finished root and its file system. `asked` are the packages that are wanted for their own sake,
    /// and `refuse` finds what is wrong in the root.
    ///
    /// # Errors
    /// When a package or its script fails, something in the root is wrong, the file system would be too large, the disk is
    /// full, or the user interrupts.
    pub fn raw_image(
        &self,
        asked: &[Relations],
        refuse: &dyn Fn(&Root) -> miette::Result<()>,
        cache: &Cache,
    ) -> miette::Result<RawImage> {
        let (own, mut of_base): (Vec<&Record>, Vec<&Record>) =
            self.chosen.iter().partition(|record| self.is_own(record));
        // In an order that does not depend on the stack's name.
        of_base.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        // The base has no part of the app, so its files have a UUID of its own.
        let digests: Vec<String> = of_base.iter().map(|record| record.sha256.to_string()).collect();
        let of_digests = Identity::of(&digests.iter().map(String::as_str).collect::<Vec<_>>());
        let is_early = |file: &ImageFile| file.moment == Moment::BeforeConfiguring;
        let early: Vec<ImageFile> = self.image_files(&of_digests)?.into_iter().filter(is_early).collect();
        let plan = rootfs::RootPlan {
            steps: self.steps(&of_base)?,
            base_passwd: self.file_of("base-passwd"),
            files: early.iter().map(|file| file.file.clone()).collect(),
            debconf: String::new(),
            epoch: base::time(of_base.iter().filter_map(|record| self.file_of(record.name.as_str())))?,
        };
        loop {
            let layer = if self.epoch < plan.epoch {
                // Each file of the base gets another time, so an overlay would have to copy all of them.
                Layer::whole(self.work, &plan, cache, self.reporter)?
            } else {
                Layer::on_base(self.work, &plan, cache, self.reporter)?
            };
            let installed = self.install(&layer.root, asked, &own).and_then(|()| self.identity());
            // While the packages are compressed, it would only take a processor from them.
            let layer = layer.begin_check();
            let made = installed.and_then(|identity| {
                let entries = self.finish(&layer.root, &identity, &early)?;
                refuse(&layer.root)?;
                Ok((self.file_system(&layer.root, &entries, &identity)?, identity))
            });
            // What fails on a damaged tree is tried again.
            if let Some(layer) = layer.checked(self.work, self.reporter)? {
                return made.map(|(path, identity)| RawImage { layer, path, identity });
            }
        }
    }

    /// Installs the packages `own` on a base.
    fn install(&self, root: &Root, asked: &[Relations], own: &[&Record]) -> miette::Result<()> {
        let file_of = |record: &&Record| Some((record.name.clone(), self.file_of(record.name.as_str())?));
        let addition = rootfs::Addition {
            packages: own.iter().filter_map(file_of).collect(),
            automatic: self.automatic(asked),
            epoch: self.epoch,
        };
        Ok(rootfs::complete(root, &addition, self.reporter)?)
    }

    /// Finishes the root with all files of the image but those that the base has already, which are `early`. Returns what is in
    /// it.
    fn finish(&self, root: &Root, identity: &Identity, early: &[ImageFile]) -> miette::Result<Vec<RootEntry>> {
        let late = self.image_files(identity)?.into_iter().filter(|file| !early.contains(file));
        let late: Vec<RootFile> = late.map(|file| file.file).collect();
        let sandbox = Sandbox::new(root).epoch(self.epoch);
        let _progress = self.reporter.spinner("finishing the root");
        let run = |command: &[&str]| sandbox.run(command).map_err(Into::into);
        Ok(finish::finish(root, &late, self.disabled(), self.epoch, &run)?)
    }

    /// The units of Debian's packages that nobody needs.
    fn disabled(&self) -> &'static [&'static str] {
        let has_valkey = self.stacks.iter().any(|stack| stack.services.valkey.is_some());
        // Each stack has an instance of its own. Debian's would listen at a port.
        if has_valkey && self.chosen.iter().any(|record| record.name.as_str() == "valkey-server") {
            &["valkey-server.service"]
        } else {
            &[]
        }
    }

    /// Whether it is a package of one of the stacks.
    fn is_own(&self, record: &Record) -> bool {
        self.stacks.iter().flat_map(Stack::package_names).any(|name| *name == record.name)
    }

    /// The downloaded `.deb` file of a chosen package.
    fn file_of(&self, name: &str) -> Option<PathBuf> {
        let mut pairs = self.chosen.iter().zip(&self.files);
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

    fn file_system(&self, root: &Root, entries: &[RootEntry], identity: &Identity) -> miette::Result<PathBuf> {
        let progress = self.reporter.spinner("making the file system");
        let image = self.work.join("image");
        File::create(&image).into_diagnostic().wrap_err_with(|| format!("cannot make {}", image.display()))?;
        let sandbox =
            Sandbox::new(root).read_only_root().show_tree(ext4::TREE).bind(&image, ext4::IMAGE).epoch(self.epoch);
        let name: String = self.image_name().chars().take(16).collect();
        let label = name.as_str();
        let file_system = FileSystem { label, identity, entries, epoch: self.epoch, free_space: self.free_space() };
        ext4::make(&file_system, &image, &|command| sandbox.run(command).map_err(Into::into))?;
        drop(progress);
        Ok(image)
    }
}
