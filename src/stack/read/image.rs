//! The `[image]` table.

use std::path::Path;

use super::table::Table;
use crate::stack::model::Image;
use crate::stack::values::{files, host, size, text};

/// Room that is left free in the file system, in bytes: enough to boot and to install a package or two.
const FREE_SPACE: u64 = 200 << 20;

/// Reads the table; `None` where a problem has been noted.
pub(super) fn read(mut table: Table<'_>, project: &Path, package: Option<&str>) -> Option<Image> {
    let suite = table.text("suite", text::suite).unwrap_or_else(|| "trixie".to_owned());
    let mirror = table.text("mirror", text::address);
    let security_mirror = table.text("security-mirror", text::address);
    let keyring = table.text("keyring", |text| files::file(text, project));
    let hostname = table.text("hostname", host::host_name).or_else(|| package.map(str::to_owned));
    let packages = table.relations("packages", None);
    let free_space = table.text("free-space", size::free_space).unwrap_or(FREE_SPACE);
    table.finish();
    Some(Image { suite, mirror, security_mirror, keyring, hostname: hostname?, packages, free_space })
}
