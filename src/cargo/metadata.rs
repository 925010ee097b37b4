//! What cargo says about a crate: the answer of `cargo metadata`, the member of the workspace that is meant, and the profile
//! of its root manifest, which is not in that answer.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::CargoError;
use crate::stack::nearest;

/// The part of cargo's answer that is read (`cargo help metadata`, format version 1).
#[derive(Debug, Deserialize)]
pub(super) struct CargoMetadata {
    packages: Vec<Crate>,
    workspace_members: Vec<String>,
    #[serde(default)]
    workspace_default_members: Vec<String>,
    pub(super) target_directory: PathBuf,
    pub(super) workspace_root: PathBuf,
}

/// A member of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Crate {
    id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) authors: Vec<String>,
    pub(super) description: Option<String>,
    pub(super) license: Option<String>,
    pub(super) license_file: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) documentation: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) readme: Option<String>,
    /// The registries that it may be published to; none at all for `publish = false`.
    pub(super) publish: Option<Vec<String>>,
    pub(super) targets: Vec<CargoTarget>,
    pub(super) manifest_path: PathBuf,
    metadata: Option<Value>,
}

/// Something that cargo builds of a crate.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CargoTarget {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
    pub(super) crate_types: Vec<String>,
}

impl CargoTarget {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|one| one == kind)
    }
}

impl Crate {
    /// What cargo-deb reads: `[package.metadata.deb]`, if the crate has it.
    pub(super) fn deb(&self) -> Option<&Value> {
        self.metadata.as_ref()?.get("deb")
    }

    pub(super) fn manifest(&self) -> String {
        self.manifest_path.display().to_string()
    }

    pub(super) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("."))
    }
}

impl CargoMetadata {
    /// Asks cargo about the crate or the workspace in `folder`. Nothing is downloaded.
    pub(super) fn ask(folder: &Path) -> Result<Self, CargoError> {
        let manifest = folder.join("Cargo.toml");
        let place = manifest.display().to_string();
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(folder).stdin(Stdio::null());
        let output = cargo.output().map_err(|error| no_cargo(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let what = format!("cargo cannot read it:\n{said}");
            return Err(CargoError::new(place, what, "correct what cargo says, then try again"));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| {
            CargoError::new(
                place,
                format!("the answer of `cargo metadata` is not as expected: {error}"),
                "update cargo",
            )
        })
    }

    /// The member that is named; without a name the only default member, the one at the root, or else the only one that
    /// has `[package.metadata.deb]`.
    pub(super) fn member(&self, name: Option<&str>) -> Result<&Crate, CargoError> {
        let members = || self.packages.iter().filter(|one| self.workspace_members.contains(&one.id));
        let names: Vec<&str> = members().map(|one| one.name.as_str()).collect();
        let place = self.workspace_root.join("Cargo.toml").display().to_string();
        if let Some(name) = name {
            let found = members().find(|one| one.name == name);
            return found.ok_or_else(|| {
                let suggestion = nearest(name, &names).map(|meant| format!(": did you mean `{meant}`?"));
                let what = format!("the workspace has no member `{name}`{}", suggestion.unwrap_or_default());
                CargoError::new(&place, what, format!("its members are: {}", names.join(", ")))
            });
        }
        let defaults = &self.workspace_default_members;
        let only_default = members().find(|one| matches!(defaults.as_slice(), [only] if *only == one.id));
        let at_root = || members().find(|one| one.manifest_path == self.workspace_root.join("Cargo.toml"));
        if let Some(found) = only_default.or_else(at_root) {
            return Ok(found);
        }
        let mut with_metadata =
            members().filter(|one| one.deb().is_some() && (defaults.is_empty() || defaults.contains(&one.id)));
        match (with_metadata.next(), with_metadata.next()) {
            (Some(only), None) => Ok(only),
            _ => {
                let help = format!("name the member that you mean with `-p`; there are: {}", names.join(", "));
                Err(CargoError::new(place, "it does not say which member of the workspace is to be packaged", help))
            }
        }
    }
}

fn no_cargo(error: &io::Error) -> CargoError {
    CargoError::new(
        "cargo",
        format!("it cannot be run: {error}"),
        "install Rust (https://rustup.rs), or add cargo to PATH",
    )
}

/// Whether cargo leaves symbols in the programs that it links with a profile, and whether a debugger's data are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProfileSymbols {
    /// cargo strips the programs itself.
    StrippedByCargo,
    /// The profile asks for debugging data, so they stay in the programs.
    Wanted,
    /// The profile says nothing about it. What is there is of no use, and is stripped.
    Unwanted,
    /// The profile says that there is to be none. What is there of Rust's own library is stripped.
    Refused,
}

impl ProfileSymbols {
    /// Reads `strip` and `debug` of a profile: from the environment as cargo does, else from the root manifest, the only one
    /// whose profiles cargo uses.
    pub(super) fn of_profile(workspace_root: &Path, profile: &str) -> Result<Self, CargoError> {
        let path = workspace_root.join("Cargo.toml");
        let bad = |what: String| CargoError::new(path.display().to_string(), what, "check the file");
        let text = fs::read_to_string(&path).map_err(|error| bad(format!("it cannot be read: {error}")))?;
        let manifest: toml::Table = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let table = manifest.get("profile").and_then(|profiles| profiles.get(profile));
        let setting = |key: &str| {
            let variable = format!("CARGO_PROFILE_{}_{}", profile.to_uppercase().replace('-', "_"), key.to_uppercase());
            let written =
                || table?.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            env::var(variable).ok().or_else(written)
        };
        let stripped = setting("strip").is_some_and(|strip| strip == "true" || strip == "symbols");
        let debug = setting("debug").map(|debug| !matches!(debug.as_str(), "false" | "0" | "none"));
        Ok(match (stripped, debug) {
            (true, _) => Self::StrippedByCargo,
            (false, Some(true)) => Self::Wanted,
            (false, Some(false)) => Self::Refused,
            (false, None) => Self::Unwanted,
        })
    }
}

/// A package's name for a crate's: small letters, and `-` in place of `_`.
pub(super) fn package_name(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}
