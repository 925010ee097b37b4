//! The manifest of an image: what was built, from which packages, and what is in it.

use super::image_root::ImageBuild;
use crate::apt::{Record, ReleaseInfo};
use crate::disk::ext4::Identity;
use crate::disk::gzip::Compressed;
use crate::disk::manifest::{self, Manifest};
use crate::python::Library;
use crate::stack::Stack;

impl ImageBuild<'_> {
    /// `installed` are the stacks whose packages are in the image, and `libraries` what is packed in them.
    ///
    /// # Errors
    /// As [`ImageBuild::digest_of`].
    pub fn manifest(
        &self,
        releases: &[ReleaseInfo],
        identity: &Identity,
        sizes: &Compressed,
        installed: &[Stack],
        libraries: Vec<manifest::PackedLibrary>,
    ) -> miette::Result<Manifest> {
        let releases = releases
            .iter()
            .map(|release| manifest::UsedRelease { suite: release.suite.clone(), date: release.date.to_rfc3339() });
        let packages = self.chosen.iter().map(|record| self.installed_package(record));
        let packages = packages.collect::<miette::Result<_>>()?;
        Ok(Manifest::new(
            self.image_name(),
            &self.stack.package.version,
            self.stack.variant(),
            self.repository.suite.name,
            self.epoch,
            &identity.uuid,
            sizes,
            installed.iter().map(installed_stack).collect(),
            releases.collect(),
            packages,
            libraries,
        ))
    }

    fn installed_package(&self, record: &Record) -> miette::Result<manifest::InstalledPackage> {
        Ok(manifest::InstalledPackage {
            name: record.name.clone(),
            version: record.version.to_string(),
            architecture: record.architecture.to_string(),
            sha256: self.digest_of(record)?,
        })
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

pub(super) fn packed_library(library: &Library) -> manifest::PackedLibrary {
    manifest::PackedLibrary { name: library.name.to_string(), version: library.version.clone(), sha256: library.sha256 }
}
