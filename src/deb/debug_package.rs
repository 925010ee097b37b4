//! The package `NAME-dbgsym` with the debugging data of another package's programs: what [`elf::separate()`] took out of them → a
//! package as debhelper makes it. gdb finds the files once it is installed.
//!
//! [`elf::separate()`]: super::elf::separate()

use std::collections::{BTreeMap, BTreeSet};

use super::elf::Separated;
use super::{Content, Control, Package, Payload, PayloadError, Scripts};
use crate::control::{PackageName, Priority, Relations};

/// The field with the name of the source package, where that is not the package's own.
pub const SOURCE: &str = "Source";
/// The field that says whether the packages of several architectures can be installed at once.
pub const MULTI_ARCH: &str = "Multi-Arch";

/// The debugging data of a package's programs.
#[derive(Debug, Clone, Default)]
pub struct DebugFiles {
    /// By the paths where they are installed. Programs with one build ID are the same program.
    files: BTreeMap<String, Vec<u8>>,
    build_ids: Vec<String>,
}

/// The debugging data that packages have, which are built together.
#[derive(Debug, Default)]
pub struct TakenDebugData {
    paths: BTreeSet<String>,
    build_ids: BTreeSet<String>,
}

impl DebugFiles {
    /// Takes the debugging data, and returns the program without them.
    pub fn add(&mut self, separated: Separated) -> Vec<u8> {
        let Separated { program, debug, debug_path, build_id } = separated;
        if self.files.insert(debug_path, debug).is_none() {
            self.build_ids.extend(build_id);
        }
        program
    }

    /// The files with their paths, for a package that has them itself.
    pub fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.files
    }

    /// Leaves out what another package has, and notes the rest: dpkg allows no file in two packages, and two may have the same
    /// program.
    pub fn leave_out(&mut self, taken: &mut TakenDebugData) {
        self.files.retain(|path, _| taken.paths.insert(path.clone()));
        self.build_ids.retain(|id| taken.build_ids.insert(id.clone()));
    }

    /// The package for these files beside `of`; `None` without a file. It is for exactly this version of the programs.
    ///
    /// # Errors
    /// When a path cannot be in a package.
    pub fn package(self, of: &Package) -> Result<Option<Package>, PayloadError> {
        let Control { package: name, version, .. } = &of.control;
        let Ok(own_name) = package_name(name).parse::<PackageName>() else { return Ok(None) };
        if self.files.is_empty() {
            return Ok(None);
        }
        let mut payload = Payload::default();
        for (path, content) in self.files {
            payload.add_file(&path, Content::Bytes(content), 0o644)?;
        }
        // The papers are those of the package that it depends on.
        payload.add_symlink(&format!("/usr/share/doc/{own_name}"), name.as_str())?;
        let mut build_ids = self.build_ids;
        build_ids.sort();
        let of_package = of.control.extra.iter().find(|(field, _)| field == SOURCE);
        let mut extra = vec![
            (SOURCE.to_owned(), of_package.map_or_else(|| name.to_string(), |(_, source)| source.clone())),
            ("Auto-Built-Package".to_owned(), "debug-symbols".to_owned()),
        ];
        // Such packages of several architectures can be installed at once if theirs can.
        extra.extend(of.control.extra.iter().filter(|(field, value)| field == MULTI_ARCH && value == "same").cloned());
        if !build_ids.is_empty() {
            extra.push(("Build-Ids".to_owned(), build_ids.join(" ")));
        }
        let control = Control {
            package: own_name,
            depends: format!("{name} (= {version})").parse().unwrap_or_default(),
            pre_depends: Relations::default(),
            recommends: Relations::default(),
            suggests: Relations::default(),
            enhances: Relations::default(),
            conflicts: Relations::default(),
            breaks: Relations::default(),
            replaces: Relations::default(),
            provides: Relations::default(),
            section: Some("debug".to_owned()),
            priority: Priority::Optional,
            homepage: None,
            summary: format!("debug symbols for {name}"),
            description: String::new(),
            extra,
            ..of.control.clone()
        };
        let (compression, epoch) = (of.compression, of.epoch);
        let scripts = Scripts::default();
        Ok(Some(Package { control, payload, conffiles: Vec::new(), scripts, triggers: None, compression, epoch }))
    }
}

/// The name of the package with the debugging data of the programs of another one.
pub fn package_name(of: &PackageName) -> String {
    format!("{of}-dbgsym")
}
