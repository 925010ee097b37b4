//! A wheel's files as they are installed, without pip: paths on the server, scripts with the server's interpreter, programs
//! for entry points, and the list of what is there ("Recording installed projects").

use std::fs;
use std::io;

use super::{Wheel, WheelPlace, record};
use crate::deb::Content;

/// The interpreter of every Debian and Ubuntu.
const INTERPRETER: &[u8] = b"#!/usr/bin/python3";

/// Where the three kinds of files go, as absolute paths without a `/` at the end.
#[derive(Debug, Clone)]
pub struct Roots {
    /// What Python imports from: `/usr/lib/NAME/python3`.
    pub libraries: String,
    /// Programs: `/usr/lib/NAME/bin`.
    pub programs: String,
    /// What is above both: `/usr/lib/NAME`.
    pub prefix: String,
}

impl Roots {
    /// The folders of the package `name`.
    pub fn of(name: &str) -> Self {
        let prefix = format!("/usr/lib/{name}");
        Self { libraries: format!("{prefix}/python3"), programs: format!("{prefix}/bin"), prefix }
    }
}

/// A file as the package has it.
#[derive(Debug, Clone)]
pub struct InstalledFile {
    pub path: String,
    pub content: Content,
    pub mode: u32,
}

impl Wheel {
    /// Every file that the wheel becomes.
    ///
    /// # Errors
    /// When an unpacked file cannot be read.
    pub fn installed(&self, roots: &Roots) -> io::Result<Vec<InstalledFile>> {
        let (mut all, mut list) = (Vec::new(), Vec::new());
        let mut add = |path: String, content: Content, mode: u32, bytes: &[u8]| {
            let relative = match path.strip_prefix(&format!("{}/", roots.libraries)) {
                Some(inside) => inside.to_owned(),
                None => format!("..{}", path.strip_prefix(&roots.prefix).unwrap_or(&path)),
            };
            list.push(record::line(&relative, bytes));
            all.push(InstalledFile { path, content, mode });
        };
        // A wheel may bring a script and ask for a program of the same name: the program wins, as with pip.
        let is_replaced = |place: &WheelPlace| matches!(place, WheelPlace::Script(name) if self.entry_points.iter().any(|entry| entry.name == *name));
        for file in self.files.iter().filter(|file| !is_replaced(&file.place)) {
            let bytes = fs::read(&file.content)?;
            let mode = if file.executable { 0o755 } else { 0o644 };
            let own = Content::File(file.content.clone());
            match &file.place {
                // The loader does not ask for the mark of a program.
                WheelPlace::Library(path) if is_shared_library(path) => {
                    add(format!("{}/{path}", roots.libraries), own, 0o644, &bytes)
                }
                WheelPlace::Library(path) => add(format!("{}/{path}", roots.libraries), own, mode, &bytes),
                WheelPlace::Data(path) => add(format!("{}/{path}", roots.prefix), own, mode, &bytes),
                WheelPlace::Script(name) => {
                    let path = format!("{}/{name}", roots.programs);
                    match with_interpreter(&bytes) {
                        Some(script) => add(path, Content::Bytes(script.clone()), 0o755, &script),
                        None => add(path, own, 0o755, &bytes),
                    }
                }
            }
        }
        for entry in &self.entry_points {
            let script = entry.script(&roots.libraries).into_bytes();
            add(format!("{}/{}", roots.programs, entry.name), Content::Bytes(script.clone()), 0o755, &script);
        }
        let info = format!("{}/{}", roots.libraries, self.dist_info);
        let installer = b"stackdeb\n";
        add(format!("{info}/INSTALLER"), Content::Bytes(installer.to_vec()), 0o644, installer);
        list.push(format!("{}/RECORD,,\n", self.dist_info));
        list.sort();
        let list = list.concat().into_bytes();
        all.push(InstalledFile { path: format!("{info}/RECORD"), content: Content::Bytes(list), mode: 0o644 });
        all.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(all)
    }
}

/// Whether a path is one of a shared library: `a.so`, or `liba.so.1.2`.
fn is_shared_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".so") || name.contains(".so.")
}

/// A script whose first line asks for any Python, with this server's. `None` for other programs.
fn with_interpreter(script: &[u8]) -> Option<Vec<u8>> {
    let rest = script.strip_prefix(b"#!python")?;
    let rest = rest.strip_prefix(b"w").unwrap_or(rest);
    Some([INTERPRETER, rest].concat())
}
