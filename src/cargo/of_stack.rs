//! What a crate gives to the package of a stack, for `[app] kind = "cargo"`: the files of its assets, and the packages that
//! it names. Everything else of a package comes from `stack.toml`.

use super::CargoError;
use super::asset::Asset;
use super::control;
use super::keys::RELATIONS;
use super::papers;
use super::plan::CratePlan;
use super::resolve::resolve;
use crate::control::{PackageName, Relations};
use crate::stack::CrateFiles;

impl CratePlan {
    /// The files, for the package `name` of a stack. The programs must have been built; they are packed as cargo made them. Of
    /// two files with one path the first remains.
    ///
    /// # Errors
    /// When a file that the metadata name is missing, or cannot be in a package.
    pub fn files_of_stack(&self, name: &PackageName) -> Result<CrateFiles, CargoError> {
        let place = format!("{}, assets", self.keys.place);
        // The papers of a stack are made of stack.toml.
        let papers =
            ["copyright", "changelog.gz", "changelog.Debian.gz"].map(|file| format!("/usr/share/doc/{name}/{file}"));
        let mut all: Vec<Asset> = Vec::new();
        for key in self.asset_keys() {
            let preserve = self.keys.preserve_symlinks;
            for mut asset in resolve(key, &self.of, name.as_str(), &self.folders, preserve, &place)? {
                papers::compress(&mut asset).map_err(|error| {
                    let what = format!("the file for {} cannot be read: {error}", asset.path);
                    CargoError::new(&place, what, "make it readable")
                })?;
                if asset.path == format!("/usr/bin/{name}") {
                    // There is the stack's own program, which runs commands with the program's environment.
                    asset.path = format!("/usr/lib/{name}/bin/{name}");
                }
                if !papers.contains(&asset.path) && !all.iter().any(|other| other.path == asset.path) {
                    all.push(asset);
                }
            }
        }
        let conffiles = self.conffiles(&all);
        let payload = self.payload(all)?;
        let depends = control::depends(&self.keys, &Relations::default())?;
        Ok(CrateFiles { payload, conffiles, depends, warnings: self.not_in_stacks() })
    }

    /// What the metadata ask for and the package of a stack does not have.
    fn not_in_stacks(&self) -> Vec<String> {
        let keys = &self.keys;
        let all = [
            ("systemd-units", keys.systemd_units.is_some(), "the stack's own units run the program"),
            ("maintainer-scripts", keys.maintainer_scripts.is_some(), "the stack has scripts of its own"),
            ("triggers-file", keys.triggers_file.is_some(), "the stack has no triggers"),
        ];
        let relations = keys.relations.others.iter().zip(RELATIONS);
        let relations = relations
            .map(|(text, key)| (key, text.is_some(), "write what the stack needs into [package] of stack.toml"));
        let not_used = all.into_iter().chain(relations).filter(|(_, is_there, _)| *is_there);
        not_used.map(|(key, _, why)| format!("{}, {key}: a stack does not have it; {why}", keys.place)).collect()
    }
}
