//! The names of the files that are made from a stack.

use std::path::PathBuf;

use super::{PackageInfo, Stack};

impl Stack {
    /// The package's file name. It has the version without its epoch (Debian Policy 5.6.12).
    pub fn deb_file_name(&self) -> String {
        format!("{}_{}_amd64.deb", self.package.name, self.package.version.without_epoch())
    }

    /// The compressed image's file name. It has the version without epoch and revision.
    pub fn image_file_name(&self) -> String {
        format!("{}-{}-linode.img.gz", self.package.name, self.package.version.upstream())
    }

    /// The path of the image's manifest, in the project's `dist` folder.
    pub fn manifest_path(&self) -> PathBuf {
        let PackageInfo { name, version, .. } = &self.package;
        self.folder.join("dist").join(format!("{name}-{}-linode.json", version.upstream()))
    }
}
