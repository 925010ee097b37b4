//! Reads `[image]`: the release, the mirrors, the packages and the free space of the disk image.

use std::path::Path;

use super::table::Table;
use crate::stack::model::Image;
use crate::stack::values::{apt_source, files, host, size, text};

/// Reads the table; `None` where a problem has been noted.
pub(super) fn read(mut table: Table<'_>, project: &Path, package: Option<&str>) -> Option<Image> {
    let suite = table.checked_or_default("suite", text::suite);
    let mirror = table.text("mirror", text::address);
    let security_mirror = table.text("security-mirror", text::address);
    let snapshot_mirror = table.text("snapshot-mirror", text::address);
    let keyring = table.text("keyring", |text| files::file(text, project));
    let repository = table.text("repository", |text| apt_source::apt_source(text, project));
    let hostname = table.text("hostname", host::host_name).or_else(|| package.map(str::to_owned));
    let packages = table.relations("packages", None);
    let free_space = table.checked_or_default("free-space", size::free_space);
    table.finish();
    Some(Image {
        suite: suite?,
        mirror,
        security_mirror,
        snapshot_mirror,
        keyring,
        repository,
        hostname: hostname?,
        packages,
        free_space: free_space?,
    })
}
