//! Lets cargo build what the assets need.

use std::path::Path;
use std::process::Command;

use super::CargoError;
use super::resolve::CargoTargets;

/// How cargo builds the crate.
#[derive(Debug)]
pub(super) struct CargoBuild<'a> {
    /// The folder in which cargo is started. Cargo reads its configuration (`.cargo/config.toml`) there and above.
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a Path,
    pub(super) profile: &'a str,
    pub(super) target: Option<&'a str>,
    pub(super) features: &'a [String],
    pub(super) default_features: bool,
    pub(super) wanted: &'a CargoTargets,
    /// Whether programs get debugging data where the profile does not say it.
    pub(super) adds_debug: bool,
}

impl CargoBuild<'_> {
    /// The command line of cargo.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut all = vec!["build".to_owned(), "--manifest-path".to_owned(), self.manifest.display().to_string()];
        all.push(if self.profile == "release" {
            "--release".to_owned()
        } else {
            format!("--profile={}", self.profile)
        });
        all.extend(self.target.map(|target| format!("--target={target}")));
        if !self.default_features {
            all.push("--no-default-features".to_owned());
        }
        if !self.features.is_empty() {
            all.push(format!("--features={}", self.features.join(",")));
        }
        if self.wanted.whole_workspace {
            all.push("--workspace".to_owned());
        }
        all.extend(self.wanted.programs.iter().map(|name| format!("--bin={name}")));
        all.extend(self.wanted.examples.iter().map(|name| format!("--example={name}")));
        if self.wanted.library {
            all.push("--lib".to_owned());
        }
        all
    }

    /// Builds. What cargo says goes to standard error.
    pub(super) fn run(&self) -> Result<(), CargoError> {
        let mut cargo = Command::new("cargo");
        cargo.args(self.arguments()).current_dir(self.folder);
        if self.adds_debug {
            let profile = self.profile.to_uppercase().replace('-', "_");
            cargo.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "1");
        }
        let manifest = self.manifest.display().to_string();
        let failed =
            |what: String| CargoError::new(&manifest, what, "correct what cargo says; nothing was changed in dist");
        let status = cargo.status().map_err(|error| failed(format!("cargo cannot be run: {error}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("`cargo build` failed ({status})"))) }
    }
}
