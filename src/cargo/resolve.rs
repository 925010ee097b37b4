//! The files that the assets name: entries of the key `assets` → one [`Asset`] for each file, with its path in the package.
//! Patterns and target folders mean what they mean to cargo-deb; both use the crate `glob`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::CargoError;
use super::asset::{Asset, AssetContent};
use super::assets::AssetKey;
use super::links;
use super::metadata::Crate;
use super::multiarch::Multiarch;

/// The folders that have been links into `/usr` since Debian 12. What a package has there belongs into `/usr`.
const ALIASED: [&str; 4] = ["bin/", "lib/", "lib64/", "sbin/"];

/// The folders that sources are relative to, and where libraries are installed.
#[derive(Debug, Clone)]
pub(super) struct CrateFolders {
    /// That of the crate's Cargo.toml.
    pub(super) of_crate: PathBuf,
    /// Where cargo puts the programs of the profile and the target that are built.
    pub(super) built: PathBuf,
    /// The profile's name, which may stand in place of `release` in a source.
    pub(super) profile: String,
    pub(super) multiarch: Multiarch,
}

impl CrateFolders {
    /// The folder that a source is relative to, its path there, and whether cargo makes it.
    fn place<'a>(&self, source: &'a str) -> (&Path, &'a str, bool) {
        let of_profile = format!("target/{}/", self.profile);
        match source.strip_prefix("target/release/").or_else(|| source.strip_prefix(&of_profile)) {
            Some(rest) => (&self.built, rest, true),
            None => (&self.of_crate, source, false),
        }
    }
}

/// What cargo has to build for the assets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CargoTargets {
    pub(super) programs: Vec<String>,
    pub(super) examples: Vec<String>,
    pub(super) library: bool,
    /// Whether another member of the workspace has one of them, or a pattern names them.
    pub(super) whole_workspace: bool,
}

impl CargoTargets {
    pub(super) fn by(keys: &[AssetKey], of: &Crate, folders: &CrateFolders) -> Self {
        let mut wanted = Self::default();
        for key in keys {
            match key {
                AssetKey::Auto => {
                    for target in of.targets.iter().filter(|target| target.is("bin") || target.is("cdylib")) {
                        if target.is("bin") { wanted.programs.push(target.name.clone()) } else { wanted.library = true }
                    }
                }
                AssetKey::Files { source, mode, .. } => {
                    let (_, rest, true) = folders.place(source) else { continue };
                    wanted.add(rest, *mode, of);
                }
                AssetKey::Link { .. } => {}
            }
        }
        wanted
    }

    fn add(&mut self, source: &str, mode: Option<u32>, of: &Crate) {
        let name = source.rsplit('/').next().unwrap_or(source);
        let (kind, names) = match source.starts_with("examples/") {
            true => ("example", &mut self.examples),
            false => ("bin", &mut self.programs),
        };
        self.whole_workspace |= is_pattern(source) || !of.targets.iter().any(|one| one.name == name && one.is(kind));
        if name.ends_with(".so") {
            self.library = true;
        } else if mode.is_none_or(|mode| mode & 0o111 != 0) && !is_pattern(source) {
            names.push(name.to_owned());
        }
    }
}

/// Finds the files of an entry. `$auto` gives the programs of the crate and its README.
pub(super) fn resolve(
    key: &AssetKey,
    of: &Crate,
    package: &str,
    folders: &CrateFolders,
    preserve_all: bool,
    place: &str,
) -> Result<Vec<Asset>, CargoError> {
    match key {
        AssetKey::Auto => implied(of, package, folders),
        AssetKey::Link { dest, target } => {
            let path = folders.multiarch.path(&installed(dest, Path::new(target)));
            let target = folders.multiarch.path(target);
            Ok(vec![Asset { source: link(&path, &target, place)?, path, mode: 0o777, built: false }])
        }
        AssetKey::Files { source, dest, mode, preserve_symlinks } => {
            let preserve = preserve_symlinks.unwrap_or(preserve_all);
            files(source, dest, *mode, preserve, folders, place)
        }
    }
}

/// The relations that replace `$auto`.
fn implied(of: &Crate, package: &str, folders: &CrateFolders) -> Result<Vec<Asset>, CargoError> {
    let mut all = Vec::new();
    for target in &of.targets {
        let is_library = target.is("cdylib") && target.crate_types.iter().any(|kind| kind == "cdylib");
        let (file, path, mode) = match (target.is("bin"), is_library) {
            (true, _) => (target.name.clone(), format!("/usr/bin/{}", target.name), 0o755),
            (false, true) => {
                let file = format!("lib{}.so", target.name.replace('-', "_"));
                (file.clone(), folders.multiarch.path(&format!("/usr/lib/{file}")), 0o644)
            }
            (false, false) => continue,
        };
        all.push(Asset { path, source: AssetContent::File(folders.built.join(file)), mode, built: true });
    }
    if all.is_empty() {
        let what = format!("the crate `{}` has neither a program nor a library for other languages", of.name);
        return Err(CargoError::new(of.manifest(), what, "add the key `assets` to [package.metadata.deb]"));
    }
    if let Some(readme) = &of.readme {
        let source = folders.of_crate.join(readme);
        let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = format!("/usr/share/doc/{package}/{name}");
        all.push(Asset { path, source: AssetContent::File(source), mode: 0o644, built: false });
    }
    Ok(all)
}

/// The files that a path or a pattern names. Folders are passed over.
fn files(
    source: &str,
    dest: &str,
    mode: Option<u32>,
    preserve: bool,
    folders: &CrateFolders,
    place: &str,
) -> Result<Vec<Asset>, CargoError> {
    let (base, relative, built) = folders.place(source);
    let base_pattern = Pattern::escape(&base.display().to_string());
    let pattern = if relative.starts_with('/') { relative.to_owned() } else { format!("{base_pattern}/{relative}") };
    let wrong = |what: String| CargoError::new(place, what, "name files that are there, such as `docs/**/*.md`");
    let found = glob::glob(&pattern).map_err(|error| wrong(format!("`{source}` is not a pattern: {error}")))?;
    let mut all = Vec::new();
    for file in found {
        let file = file.map_err(|error| wrong(format!("`{source}`: {error}")))?;
        if file.is_dir() {
            continue;
        }
        let below = file.strip_prefix(base).unwrap_or(&file);
        let path = match kept_parts(relative, below) {
            None => installed(dest, &file),
            Some(kept) => installed(&format!("{}/{kept}", dest.trim_end_matches('/')), &file),
        };
        let path = folders.multiarch.path(&path);
        let is_link = file.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        let source = if is_link && (preserve || !file.exists()) {
            let target = fs::read_link(&file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
            link(&path, &target.to_string_lossy(), place)?
        } else {
            AssetContent::File(file.clone())
        };
        let mode = match (mode, &source) {
            (Some(mode), _) => mode,
            (None, AssetContent::Link(_)) => 0o777,
            (None, _) => {
                let metadata = fs::metadata(&file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
                metadata.permissions().mode() & 0o7777
            }
        };
        all.push(Asset { path, source, mode, built });
    }
    if all.is_empty() {
        let help = match built {
            true => "build it first, without `--no-build`, or correct `assets`",
            false => "make the file, or correct `assets`; a folder needs a pattern, such as `FOLDER/**/*`",
        };
        return Err(CargoError::new(place, format!("`{source}` names no file"), help));
    }
    Ok(all)
}

/// The end of a found path that is kept below the target folder. For a pattern in the file's name it is everything from the
/// first folder with a pattern; for a pattern in a folder's name alone it is the file's name. `None` for no pattern at all.
fn kept_parts(pattern: &str, found: &Path) -> Option<String> {
    if !is_pattern(pattern) {
        return None;
    }
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let (name, above) = parts.split_last()?;
    let all = found.iter().count();
    let skipped = match is_pattern(name) {
        true => above.iter().position(|part| is_pattern(part)).unwrap_or(all),
        false => all.saturating_sub(1),
    };
    let kept: PathBuf = found.iter().skip(skipped).collect();
    Some(kept.to_string_lossy().into_owned())
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '[', ']', '!'])
}

/// The absolute path of a target. A target with `/` at its end is the folder of the file.
fn installed(dest: &str, file: &Path) -> String {
    let dest = dest.trim_start_matches('/');
    let moved = if ALIASED.iter().any(|folder| dest.starts_with(folder)) { "/usr/" } else { "/" };
    let name = match dest.ends_with('/') || dest.is_empty() {
        true => file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        false => String::new(),
    };
    let parts: Vec<&str> = dest.split('/').chain([name.as_str()]).filter(|part| !matches!(*part, "" | ".")).collect();
    format!("{moved}{}", parts.join("/"))
}

fn link(path: &str, target: &str, place: &str) -> Result<AssetContent, CargoError> {
    links::normal_target(path, target).map(AssetContent::Link).ok_or_else(|| {
        CargoError::new(
            place,
            format!("the link {path} to `{target}` leads out of the root folder"),
            "correct its target",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pattern: &str, found: &str) -> Option<String> {
        kept_parts(pattern, Path::new(found))
    }

    #[test]
    fn what_is_kept_of_a_path_follows_the_pattern() {
        assert_eq!(kept("README.md", "README.md"), None);
        assert_eq!(kept("man/*.1", "man/a.1").unwrap(), "");
        assert_eq!(kept("docs/**/*.md", "docs/how-to/a.md").unwrap(), "how-to/a.md");
        assert_eq!(kept("docs/**/*", "docs/a.md").unwrap(), "a.md");
        assert_eq!(kept("*/units/x.service", "a/units/x.service").unwrap(), "x.service");
    }

    #[test]
    fn a_target_folder_takes_the_files_name() {
        let path = |dest| installed(dest, Path::new("/src/a.txt"));
        assert_eq!(path("usr/share/doc/"), "/usr/share/doc/a.txt");
        assert_eq!(path("/usr/share/doc/b"), "/usr/share/doc/b");
        assert_eq!(path("lib/systemd/system/"), "/usr/lib/systemd/system/a.txt");
        assert_eq!(path("library/"), "/library/a.txt");
    }
}
