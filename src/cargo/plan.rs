//! A crate that is to be packaged: its metadata and the user's options → what cargo has to build, and then the package.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::CargoError;
use super::asset::{Asset, AssetContent};
use super::assets::AssetKey;
use super::compile::CargoBuild;
use super::control;
use super::keys::{DebugSymbols, Keys};
use super::metadata::{CargoMetadata, Crate, ProfileSymbols};
use super::options::Options;
use super::papers;
use super::programs;
use super::resolve::{CargoTargets, CrateFolders, resolve};
use super::scripts;
use super::units;
use crate::control::{Alternatives, Relations};
use crate::deb::elf::Programs;
use crate::deb::{Compression, Content, Control, Package, Payload, debug_package};
use crate::system::epoch::Epoch;

/// One of these provides systemd-sysusers(8), which a script calls.
const SYSUSERS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";

/// A crate whose metadata were read and checked.
#[derive(Debug)]
pub struct CratePlan {
    pub(super) of: Crate,
    pub(super) keys: Keys,
    /// The folder that the user named.
    folder: PathBuf,
    pub(super) folders: CrateFolders,
    target: Option<String>,
    symbols: ProfileSymbols,
    control: Control,
    warnings: Vec<String>,
}

/// A crate's package, put together.
#[derive(Debug)]
pub struct CratePackage {
    pub package: Package,
    /// The package with the debugging data of its programs, if it is wanted and there are any.
    pub debug: Option<Package>,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
}

impl CratePlan {
    /// Reads the metadata of the crate, or of a member of the workspace, in `folder`.
    ///
    /// # Errors
    /// When cargo cannot read the manifest, or a key is unknown, wrong or not supported.
    pub fn read(folder: &Path, options: &Options) -> Result<Self, CargoError> {
        let metadata = CargoMetadata::ask(folder)?;
        let of = metadata.member(options.package.as_deref())?.clone();
        let mut keys = Keys::read(&of, options.variant.as_deref())?;
        if options.dbgsym {
            keys.debug_symbols = keys.debug_symbols.in_own_package();
        }
        let from_environment = || env::var("CARGO_BUILD_TARGET").ok().filter(|target| !target.is_empty());
        let target = options.target.clone().or_else(from_environment);
        if let Some(target) = target.as_deref().filter(|target| !target.starts_with("x86_64-")) {
            let what = format!("packages for the target {target} are not supported yet: stackdeb builds for amd64");
            return Err(CargoError::new("--target", what, "name x86_64-unknown-linux-gnu, or leave it out"));
        }
        let profile = keys.profile.clone().unwrap_or_else(|| "release".to_owned());
        let symbols = ProfileSymbols::of_profile(&metadata.workspace_root, &profile)?;
        let mut built = metadata.target_directory.clone();
        built.extend(&target);
        built.push(if profile == "dev" { "debug" } else { &profile });
        let (control, mut warnings) = control::control(&of, &keys, options)?;
        warnings.extend(programs::no_debugging_data(&keys, symbols, &profile));
        control.check().map_err(|error| {
            let help = miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default();
            CargoError::new(&keys.place, error.to_string(), help)
        })?;
        let folders = CrateFolders { of_crate: of.folder().to_owned(), built, profile, multiarch: options.multiarch };
        let folder = folder.to_owned();
        Ok(Self { folders, folder, target, symbols, control, warnings, of, keys })
    }

    /// The name of the package's file.
    pub fn file_name(&self) -> String {
        let Control { package, version, architecture, .. } = &self.control;
        format!("{package}_{}_{architecture}.deb", version.in_file_name())
    }

    /// The name of the file of the package with the debugging data.
    pub fn debug_file_name(&self) -> String {
        let Control { package, version, architecture, .. } = &self.control;
        format!("{}_{}_{architecture}.deb", debug_package::package_name(package), version.in_file_name())
    }

    /// The name of the link to the package, which has no version in it.
    pub fn link_name(&self) -> String {
        format!("{}.deb", self.control.package)
    }

    /// Lets cargo build what the assets need.
    ///
    /// # Errors
    /// When cargo fails. What it says is printed to standard error.
    pub fn compile(&self) -> Result<(), CargoError> {
        let wanted = CargoTargets::by(self.asset_keys(), &self.of, &self.folders);
        if wanted == CargoTargets::default() {
            return Ok(());
        }
        let build = CargoBuild {
            folder: &self.folder,
            manifest: &self.of.manifest_path,
            profile: &self.folders.profile,
            target: self.target.as_deref(),
            features: &self.keys.features,
            default_features: self.keys.default_features,
            wanted: &wanted,
            adds_debug: matches!(self.keys.debug_symbols, DebugSymbols::OwnPackage(_))
                && self.symbols == ProfileSymbols::Unwanted,
        };
        build.run()
    }

    /// Puts together the files, the scripts and the control data of the package. `find` finds the packages with the libraries
    /// of the programs; it is asked if `$auto` is among the dependencies.
    ///
    /// # Errors
    /// When a file that the metadata name is missing, or two of them, scripts or programs cannot be packaged, or `find` fails.
    pub fn package(
        self,
        epoch: Epoch,
        find: impl FnOnce(&Programs) -> miette::Result<Relations>,
    ) -> miette::Result<CratePackage> {
        let mut warnings = self.warnings.clone();
        let mut control = self.control.clone();
        let name = control.package.as_str().to_owned();
        let mut assets = self.assets(&name, &control.maintainer, &mut warnings)?;
        let made = scripts::make(&self.of, &self.keys, &name, &assets)?;
        let (programs, mut debug) = programs::prepare(&mut assets, self.symbols, self.keys.debug_symbols)?;
        warnings.extend(self.folders.multiarch.check(&assets, &programs, &self.keys.place)?);
        if let DebugSymbols::Separate(_) = self.keys.debug_symbols {
            let files = mem::take(&mut debug).into_files().into_iter();
            assets.extend(files.map(|(path, bytes)| Asset {
                path,
                source: AssetContent::Bytes(bytes),
                mode: 0o644,
                built: false,
            }));
        }
        let libraries = if control::has_auto(&self.keys) { find(&programs)? } else { Relations::default() };
        control.depends = control::depends(&self.keys, &libraries)?;
        if made.needs_sysusers {
            control.depends.0.extend(SYSUSERS.parse::<Alternatives>());
        }
        let conffiles = self.conffiles(&assets);
        let triggers = match &self.keys.triggers_file {
            None => None,
            Some(file) => Some(papers::read(self.of.folder(), file, &format!("{}, triggers-file", self.keys.place))?),
        };
        let payload = self.payload(assets)?;
        let scripts = made.scripts;
        let compression = Compression::Xz;
        let package = Package { control, payload, conffiles, scripts, triggers, compression, epoch };
        let debug = debug.package(&package)?;
        Ok(CratePackage { package, debug, warnings })
    }

    pub(super) fn asset_keys(&self) -> &[AssetKey] {
        self.keys.assets.as_deref().unwrap_or(&[AssetKey::Auto])
    }

    /// All files of the package. Of two with the same path the first remains: `$auto`, then papers and units, then the others.
    fn assets(&self, name: &str, maintainer: &str, warnings: &mut Vec<String>) -> Result<Vec<Asset>, CargoError> {
        let place = format!("{}, assets", self.keys.place);
        let (mut first, mut named) = (Vec::new(), Vec::new());
        for key in self.asset_keys() {
            let preserve = self.keys.preserve_symlinks;
            let found = resolve(key, &self.of, name, &self.folders, preserve, &place)?;
            if *key == AssetKey::Auto { first.extend(found) } else { named.extend(found) }
        }
        let copyright = format!("/usr/share/doc/{name}/copyright");
        if !named.iter().any(|asset| asset.path == copyright) {
            let text = papers::copyright(&self.of, &self.keys, maintainer)?;
            let source = AssetContent::Bytes(text.into_bytes());
            first.push(Asset { path: copyright, source, mode: 0o644, built: false });
        }
        first.extend(papers::changelog(&self.of, &self.keys, name)?);
        first.extend(units::find(&self.of, &self.keys, name, warnings));
        let mut all: Vec<Asset> = Vec::new();
        for mut asset in first.into_iter().chain(named) {
            papers::compress(&mut asset).map_err(|error| {
                CargoError::new(
                    &place,
                    format!("the file for {} cannot be read: {error}", asset.path),
                    "make it readable",
                )
            })?;
            match all.iter().find(|other| other.path == asset.path) {
                None => all.push(asset),
                Some(other) if other.source == asset.source => {}
                Some(_) => {
                    let path = &asset.path;
                    warnings.push(format!("{place}: two files have the path {path}; the first is taken"));
                }
            }
        }
        Ok(all)
    }

    /// The files that `conf-files` names, and all regular files below /etc.
    pub(super) fn conffiles(&self, assets: &[Asset]) -> Vec<String> {
        let absolute = |path: &String| format!("/{}", path.trim_start_matches('/'));
        let mut all: Vec<String> = self.keys.conf_files.iter().map(absolute).collect();
        let is_file =
            |asset: &&Asset| asset.path.starts_with("/etc/") && !matches!(asset.source, AssetContent::Link(_));
        all.extend(assets.iter().filter(is_file).map(|asset| asset.path.clone()));
        let mut seen = BTreeSet::new();
        all.retain(|path| seen.insert(path.clone()));
        all
    }

    pub(super) fn payload(&self, assets: Vec<Asset>) -> Result<Payload, CargoError> {
        let mut payload = Payload::default();
        for Asset { path, source, mode, .. } in assets {
            let added = match source {
                AssetContent::File(file) => payload.add_file(&path, Content::File(file), mode),
                AssetContent::Bytes(bytes) => payload.add_file(&path, Content::Bytes(bytes), mode),
                AssetContent::Link(target) => payload.add_symlink(&path, &target),
            };
            added.map_err(|error| {
                let help = miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default();
                CargoError::new(format!("{}, assets", self.keys.place), error.to_string(), help)
            })?;
        }
        Ok(payload)
    }

    /// The time of everything in the package: `SOURCE_DATE_EPOCH`, else the day on which Cargo.toml was changed.
    ///
    /// # Errors
    /// When the variable is not a time.
    pub fn epoch(&self) -> miette::Result<Epoch> {
        if let Some(epoch) = Epoch::from_environment()? {
            return Ok(epoch);
        }
        let changed = fs::metadata(&self.of.manifest_path).and_then(|metadata| metadata.modified());
        let since = changed.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let day = i64::try_from(since.as_secs()).unwrap_or_default().div_euclid(86_400).saturating_mul(86_400);
        Ok(Epoch::from_seconds(day)?)
    }
}
