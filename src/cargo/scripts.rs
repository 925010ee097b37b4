//! The maintainer scripts: those of the crate, with debhelper 13's fragments for units, users and temporary files in the
//! place of `#DEBHELPER#`, or by themselves where the crate has no script of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::CargoError;
use super::asset::{Asset, AssetContent};
use super::keys::{Keys, UnitKeys};
use super::metadata::Crate;
use super::units::{SYSUSERS_FOLDER, TMPFILES_FOLDERS, UNIT_FOLDER, best};
use crate::deb::Scripts;

const TOKEN: &str = "#DEBHELPER#";

macro_rules! fragment {
    ($name:literal) => {
        include_str!(concat!("fragments/", $name))
    };
}

/// The scripts, and the packages that they need besides.
#[derive(Debug, Default)]
pub(super) struct CrateScripts {
    pub(super) scripts: Scripts,
    /// Whether a script calls systemd-sysusers(8).
    pub(super) needs_sysusers: bool,
}

/// The fragments of one script. Those of units stand after the others, and in prerm and postrm before them: what was set up
/// last is taken down first.
#[derive(Debug, Default)]
struct Fragments {
    others: String,
    of_units: String,
}

/// The fragments by the names of the scripts.
#[derive(Debug, Default)]
struct All(BTreeMap<&'static str, Fragments>);

impl All {
    fn add(&mut self, script: &'static str, of_units: bool, fragment: &str, values: &[(&str, &str)]) {
        let mut text = fragment.to_owned();
        for (name, value) in values {
            text = text.replace(&format!("#{name}#"), value);
        }
        let block =
            format!("# Automatically added by stackdeb\n{}\n# End automatically added section\n", text.trim_end());
        let fragments = self.0.entry(script).or_default();
        let place = if of_units { &mut fragments.of_units } else { &mut fragments.others };
        if place.contains(&block) {
            return;
        }
        if is_teardown(script) {
            place.insert_str(0, &block);
        } else {
            place.push_str(&block);
        }
    }

    fn text(&self, script: &str) -> String {
        let Some(Fragments { others, of_units }) = self.0.get(script) else { return String::new() };
        if is_teardown(script) { format!("{of_units}{others}") } else { format!("{others}{of_units}") }
    }
}

fn is_teardown(script: &str) -> bool {
    matches!(script, "prerm" | "postrm")
}

/// Makes the scripts of a package with these files.
pub(super) fn make(of: &Crate, keys: &Keys, package: &str, assets: &[Asset]) -> Result<CrateScripts, CargoError> {
    let mut made = CrateScripts::default();
    let place = format!("{}, maintainer-scripts", keys.place);
    let folder = keys.maintainer_scripts.as_ref().map(|name| of.folder().join(name));
    if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
        let what = format!("{} is not a folder", folder.display());
        return Err(CargoError::new(place, what, "name the folder with the scripts, relative to the crate's"));
    }
    let mut all = All::default();
    if let Some(entries) = &keys.systemd_units {
        made.needs_sysusers = add_config_fragments(&mut all, assets);
        for entry in entries {
            add_unit_fragments(&mut all, entry, assets, &format!("{}, systemd-units", keys.place))?;
        }
    }
    let script = |name: &'static str| -> Result<Option<String>, CargoError> {
        let fragments = all.text(name);
        let own = folder.as_ref().and_then(|folder| own_script(folder, package, name, keys.systemd_units.as_deref()));
        let Some(path) = own else {
            return Ok((!fragments.is_empty()).then(|| format!("#!/bin/sh\nset -e\n{fragments}")));
        };
        let text = read(&path)?;
        if keys.systemd_units.is_none() {
            return Ok(Some(text));
        }
        if !fragments.is_empty() && !text.contains(TOKEN) {
            let what = format!("it has no line `{TOKEN}`, so what `systemd-units` asks for would not be done");
            return Err(CargoError::new(path.display().to_string(), what, format!("add the line `{TOKEN}`")));
        }
        Ok(Some(text.replace(TOKEN, &fragments)))
    };
    made.scripts = Scripts {
        preinst: script("preinst")?,
        postinst: script("postinst")?,
        prerm: script("prerm")?,
        postrm: script("postrm")?,
    };
    let debconf = folder.iter().flat_map(|folder| ["config", "templates"].map(|name| folder.join(name)));
    match debconf.into_iter().find(|path| path.is_file()) {
        None => Ok(made),
        Some(path) => {
            let help = "ask nothing while the package is installed: read a file in /etc instead";
            Err(CargoError::new(path.display().to_string(), "questions of debconf are not supported yet", help))
        }
    }
}

/// The crate's script of a name: with units the one that belongs to the package or to the last entry, else the plain one.
fn own_script(folder: &Path, package: &str, name: &str, entries: Option<&[UnitKeys]>) -> Option<PathBuf> {
    let of_entry = |entry: &UnitKeys| best(folder, package, name, entry.unit_name.as_deref(), true);
    let plain = || Some(folder.join(name)).filter(|path| path.is_file());
    entries.unwrap_or_default().iter().rev().find_map(of_entry).or_else(plain)
}

fn read(path: &Path) -> Result<String, CargoError> {
    fs::read_to_string(path).map_err(|error| {
        CargoError::new(path.display().to_string(), format!("it cannot be read: {error}"), "make it a text file")
    })
}

/// The files of a folder of the package, with what comes after the folder.
fn files_in<'a>(assets: &'a [Asset], folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Asset)> {
    let below = move |asset: &'a Asset| asset.path.strip_prefix(folder).map(|name| (name, asset));
    assets.iter().filter_map(below).filter(|(name, _)| !name.contains('/'))
}

/// As dh_installsysusers(1) and dh_installtmpfiles(1) do. Returns whether systemd-sysusers is called.
fn add_config_fragments(all: &mut All, assets: &[Asset]) -> bool {
    let names = |folders: &[&'static str]| -> String {
        let in_folder = |folder: &&'static str| files_in(assets, folder).map(|(name, _)| name).collect::<Vec<_>>();
        let names: BTreeSet<&str> = folders.iter().flat_map(in_folder).filter(|name| name.ends_with(".conf")).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    };
    let (sysusers, tmpfiles) = (names(&[SYSUSERS_FOLDER]), names(&TMPFILES_FOLDERS));
    if !sysusers.is_empty() {
        all.add("postinst", false, fragment!("postinst-sysusers"), &[("CONFILE_BASENAME", &sysusers)]);
    }
    if !tmpfiles.is_empty() {
        all.add("postinst", false, fragment!("postinst-init-tmpfiles"), &[("TMPFILES", &tmpfiles)]);
    }
    !sysusers.is_empty()
}

/// As dh_installsystemd(1) does for the units of one entry: all units of the package, or those of its name.
fn add_unit_fragments(all: &mut All, entry: &UnitKeys, assets: &[Asset], place: &str) -> Result<(), CargoError> {
    let is_meant = |file: &str| {
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        entry.unit_name.as_ref().is_none_or(|name| name == stem)
    };
    let is_unit = |asset: &Asset| !matches!(asset.source, AssetContent::Link(_));
    let in_folder = || files_in(assets, UNIT_FOLDER).filter(|(_, asset)| is_unit(asset));
    let mut waiting: Vec<String> = in_folder().map(|(name, _)| name.to_owned()).filter(|name| is_meant(name)).collect();
    let (mut seen, mut enabled, mut started) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    while let Some(unit) = waiting.pop() {
        if unit.contains('@') || !seen.insert(unit.clone()) {
            continue;
        }
        let Some((_, asset)) = in_folder().find(|(name, _)| *name == unit) else {
            let what = format!("a unit has `Also={unit}`, and the package has no such unit");
            return Err(CargoError::new(place, what, "add the unit, or take it out of `Also=`"));
        };
        let text = match &asset.source {
            AssetContent::File(file) => read(file)?,
            AssetContent::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            AssetContent::Link(_) => continue,
        };
        waiting.extend(units_of_also(&text));
        if text.lines().any(|line| line.trim().eq_ignore_ascii_case("[Install]")) {
            enabled.insert(unit.clone());
        }
        started.insert(unit);
    }
    let quoted = |units: &BTreeSet<String>| units.iter().map(|unit| format!("'{unit}'")).collect::<Vec<_>>();
    let (enabled, started) = (quoted(&enabled), quoted(&started));
    for unit in &enabled {
        let fragment = match entry.enable {
            true => fragment!("postinst-systemd-enable"),
            false => fragment!("postinst-systemd-dont-enable"),
        };
        all.add("postinst", true, fragment, &[("UNITFILE", unit)]);
    }
    if !enabled.is_empty() {
        all.add("postrm", false, fragment!("postrm-systemd"), &[("UNITFILES", &enabled.join(" "))]);
    }
    if !started.is_empty() {
        add_start_fragments(all, entry, &started.join(" "));
    }
    Ok(())
}

fn add_start_fragments(all: &mut All, entry: &UnitKeys, units: &str) {
    let units = ("UNITFILES", units);
    let (restart, start) = (entry.restart_after_upgrade, entry.start);
    match (restart, start) {
        (true, true) => {
            let action = ("RESTART_ACTION", "restart");
            all.add("postinst", true, fragment!("postinst-systemd-restart"), &[action, units]);
        }
        (true, false) => {
            let action = ("RESTART_ACTION", "try-restart");
            all.add("postinst", true, fragment!("postinst-systemd-restartnostart"), &[action, units]);
        }
        (false, true) => all.add("postinst", true, fragment!("postinst-systemd-start"), &[units]),
        (false, false) => {}
    }
    if entry.stop_on_upgrade && !restart {
        all.add("preinst", true, fragment!("preinst-systemd-stop"), &[units]);
    }
    if start {
        all.add("prerm", true, fragment!("prerm-systemd-restart"), &[units]);
    }
    all.add("postrm", false, fragment!("postrm-systemd-reload-only"), &[units]);
}

/// The units that a unit names with `Also=`.
fn units_of_also(text: &str) -> Vec<String> {
    let values = text.lines().filter_map(|line| {
        let (key, value) = line.trim_start().split_once('=')?;
        key.trim_end().eq_ignore_ascii_case("Also").then_some(value)
    });
    let unquoted = |word: &str| word.trim_matches(['"', '\'']).to_owned();
    values.flat_map(str::split_whitespace).map(unquoted).collect()
}
