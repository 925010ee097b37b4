//! What a stack's outputs are called.

use std::path::PathBuf;

use super::{PackageInfo, Stack};

impl Stack {
    /// The package's file name (Debian Policy 5.6.12 leaves the epoch out of it).
    pub fn deb_file_name(&self) -> String {
        format!("{}_{}_amd64.deb", self.package.name, self.package.version.without_epoch())
    }

    /// The compressed image's file name.
    pub fn image_file_name(&self) -> String {
        format!("{}-{}-linode.img.gz", self.package.name, self.package.version.upstream())
    }

    /// The path of the image's manifest, in the project's `dist` folder.
    pub fn manifest_path(&self) -> PathBuf {
        let PackageInfo { name, version, .. } = &self.package;
        self.folder.join("dist").join(format!("{name}-{}-linode.json", version.upstream()))
    }
}
