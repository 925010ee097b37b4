//! The names of the files that are made from a stack. Each has the whole version, so that no two versions have one name.

use std::path::PathBuf;

use super::{PackageInfo, Stack};

impl Stack {
    /// The package's file name.
    pub fn deb_file_name(&self) -> String {
        format!("{}_{}_amd64.deb", self.package.name, self.package.version.in_file_name())
    }

    /// The name of the link to the package, which has no version in it.
    pub fn deb_link_name(&self) -> String {
        format!("{}.deb", self.package.name)
    }

    /// The compressed image's file name.
    pub fn image_file_name(&self) -> String {
        format!("{}-{}-linode.img.gz", self.package.name, self.package.version.in_file_name())
    }

    /// The path of the image's manifest, in the project's `dist` folder.
    pub fn manifest_path(&self) -> PathBuf {
        let PackageInfo { name, version, .. } = &self.package;
        self.folder.join("dist").join(format!("{name}-{}-linode.json", version.in_file_name()))
    }
}
