//! The names of the files that are made from a stack. Each has the whole version, so that no two versions have one name. A
//! variant's files are in a folder of their own: its package may have the name and the version of the stack's. The file
//! name of its image has the variant in it as well, because an account at Linode knows an image by that name alone.

use std::path::PathBuf;

use super::Stack;
use crate::control::{Architecture, Version};
use crate::deb::debug_package;

/// The name of a package's file, as dpkg-name(1) writes it.
pub fn file_name(package: &str, version: &Version, architecture: Architecture) -> String {
    format!("{package}_{}_{architecture}.deb", version.in_file_name())
}

impl Stack {
    /// The folder that the outputs are written to.
    pub fn dist(&self) -> PathBuf {
        self.folder.join(self.shown_dist())
    }

    /// The same, relative to the project.
    pub fn shown_dist(&self) -> String {
        self.variant().map_or_else(|| "dist".to_owned(), |variant| format!("dist/{variant}"))
    }

    /// The name of the package's file in `dist`, as dpkg-name(1) writes it.
    pub fn deb_file_name(&self) -> String {
        file_name(self.package.name.as_str(), &self.package.version, Architecture::Amd64)
    }

    /// The names of all files that packages of this stack may have in `dist`: its own, the further ones, and those with the
    /// debugging data of their programs. Only the files of a further package decide on its architecture.
    pub fn package_file_names(&self) -> Vec<String> {
        let file = |name: &str, architecture| file_name(name, &self.package.version, architecture);
        let debug = |name| file(&debug_package::package_name(name), Architecture::Amd64);
        let further = self.package_names().skip(1).flat_map(|name| {
            [file(name.as_str(), Architecture::Amd64), file(name.as_str(), Architecture::All), debug(name)]
        });
        [self.deb_file_name(), debug(&self.package.name)].into_iter().chain(further).collect()
    }

    /// The name of the link to the package, which has no version in it.
    pub fn deb_link_name(&self) -> String {
        format!("{}.deb", self.package.name)
    }

    /// The compressed image's file name.
    pub fn image_file_name(&self) -> String {
        self.image_file_name_as(None)
    }

    /// The same for an image that has a name of its own.
    pub fn image_file_name_as(&self, name: Option<&str>) -> String {
        format!("{}-linode.img.gz", self.image_stem(name))
    }

    /// The path of the image's manifest.
    pub fn manifest_path(&self) -> PathBuf {
        self.manifest_path_as(None)
    }

    /// The same for an image that has a name of its own.
    pub fn manifest_path_as(&self, name: Option<&str>) -> PathBuf {
        self.dist().join(format!("{}-linode.json", self.image_stem(name)))
    }

    /// `NAME-VERSION`, or `NAME-VERSION@VARIANT`: neither a name nor a version can have an `@`.
    fn image_stem(&self, name: Option<&str>) -> String {
        let name = name.unwrap_or(self.package.name.as_str());
        let variant = self.variant().map(|variant| format!("@{variant}")).unwrap_or_default();
        format!("{name}-{}{variant}", self.package.version.in_file_name())
    }
}
