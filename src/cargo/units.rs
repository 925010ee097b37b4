//! The units of `systemd-units`, and the files for sysusers and tmpfiles beside them: found by the names that
//! dh_installsystemd(1), dh_installsysusers(1) and dh_installtmpfiles(1) look for.

use std::path::{Path, PathBuf};

use super::asset::{Asset, AssetContent};
use super::keys::{Keys, UnitKeys};
use super::metadata::Crate;

pub(super) const UNIT_FOLDER: &str = "/usr/lib/systemd/system/";
pub(super) const SYSUSERS_FOLDER: &str = "/usr/lib/sysusers.d/";
pub(super) const TMPFILES_FOLDERS: [&str; 2] = ["/etc/tmpfiles.d/", "/usr/lib/tmpfiles.d/"];

/// What a name may end with, and whether there may be a template `NAME@` of it.
const TYPES: [(&str, bool); 6] =
    [("mount", false), ("path", true), ("service", true), ("socket", true), ("target", true), ("timer", true)];

/// Finds the files of all entries. A warning says which entry has none.
pub(super) fn find(of: &Crate, keys: &Keys, package: &str, warnings: &mut Vec<String>) -> Vec<Asset> {
    let mut all = Vec::new();
    for entry in keys.systemd_units.iter().flatten() {
        let folder = entry.unit_scripts.as_deref().or(keys.maintainer_scripts.as_deref()).unwrap_or("systemd");
        let folder = of.folder().join(folder);
        let names = if package == of.name { vec![package] } else { vec![package, &of.name] };
        let units = names.iter().map(|name| units(&folder, name, entry)).find(|units| !units.is_empty());
        if units.is_none() {
            let shown = folder.display();
            warnings.push(format!("{}, systemd-units: {shown} has no unit for `{package}`", keys.place));
        }
        all.extend(units.into_iter().flatten());
        let sysusers = names.iter().find_map(|name| best(&folder, name, "sysusers", None, true));
        all.extend(sysusers.map(|file| asset(file, format!("{SYSUSERS_FOLDER}{package}.conf"))));
    }
    all
}

fn units(folder: &Path, package: &str, entry: &UnitKeys) -> Vec<Asset> {
    let unit = entry.unit_name.as_deref();
    let name = unit.unwrap_or(package);
    let mut all = Vec::new();
    for (kind, has_template) in TYPES {
        let plain = best(folder, package, kind, unit, true);
        all.extend(plain.map(|file| asset(file, format!("{UNIT_FOLDER}{name}.{kind}"))));
        let template = has_template.then(|| best(folder, &format!("{package}@"), kind, unit, false)).flatten();
        all.extend(template.map(|file| asset(file, format!("{UNIT_FOLDER}{name}@.{kind}"))));
    }
    // The second name is the one of debhelper 12.
    let tmpfiles = ["tmpfiles", "tmpfile"].iter().find_map(|kind| best(folder, package, kind, unit, true));
    all.extend(tmpfiles.map(|file| asset(file, format!("/usr/lib/tmpfiles.d/{name}.conf"))));
    all
}

fn asset(file: PathBuf, path: String) -> Asset {
    Asset { path, source: AssetContent::File(file), mode: 0o644, built: false }
}

/// The file that belongs to a package and a unit most closely. `is_main` also accepts names without the package's.
pub(super) fn best(folder: &Path, package: &str, kind: &str, unit: Option<&str>, is_main: bool) -> Option<PathBuf> {
    let mut names = Vec::new();
    if let Some(unit) = unit {
        names.push(format!("{package}.{unit}.{kind}"));
        names.extend(is_main.then(|| format!("{unit}.{kind}")));
    }
    names.push(format!("{package}.{kind}"));
    names.extend(is_main.then(|| kind.to_owned()));
    names.into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}
