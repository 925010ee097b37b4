//! The programs in machine code among the files of a stack of the kind `exec`, and among those of `[[file]]`, also in further
//! packages: what they link, and lintian's overrides for what they have by nature. One that holds debugging data is stripped,
//! and the data are kept for the package `NAME-dbgsym`. All others are packed as they are: some runtimes keep a program's
//! code behind the end of the ELF file, where stripping would take it away.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::RenderError;
use crate::deb::elf::{self, DebugSections, Programs};
use crate::deb::{Content, DebugFiles, Payload, PayloadEntry};
use crate::stack::{AppKind, FurtherContent, FurtherFile, Stack};

/// What the programs mean for the package.
#[derive(Default)]
pub(super) struct MachineCode {
    pub(super) programs: Programs,
    /// Lines for `/usr/share/lintian/overrides`: what such programs are by nature, linked statically for one.
    pub(super) overrides: String,
    /// The programs that held debugging data, without them, by their paths in the package.
    pub(super) stripped: BTreeMap<String, Vec<u8>>,
    pub(super) debug: DebugFiles,
    /// Whether there is a program or library at all, also one for another machine.
    pub(super) is_there: bool,
}

/// Reads the programs and libraries that are packed with the app and beside it. `payload` has the app's files.
///
/// # Errors
/// When one cannot be read or is damaged, or the app's own program is for another machine.
pub(super) fn of(stack: &Stack, payload: &Payload) -> Result<MachineCode, RenderError> {
    let mut found = FoundMachineCode::nothing(stack.package.name.as_str());
    if let Some(origin) = stack.app.kind.of_crate() {
        for (path, entry) in origin.files.payload.entries() {
            found.ship(path);
            let PayloadEntry::File { content: Content::File(file), .. } = entry else { continue };
            if found.look_at(path, path, file)? == Some(false) {
                return Err(RenderError::ForeignProgram(path.to_owned()));
            }
        }
        let folder = stack.app_folder();
        if !payload.has_entries_below(&folder) {
            let at = folder.trim_start_matches('/');
            found.overrides.push(format!("{}: package-contains-empty-directory [{at}/]", found.package));
        }
    } else if let AppKind::Exec(_) = &stack.app.kind {
        let folder = format!("{}/", stack.app_folder());
        let commands: Vec<&str> = stack.commands().filter_map(|(_, command)| command.in_app()).collect();
        for (path, entry) in payload.entries() {
            let Some(inside) = path.strip_prefix(&folder) else { continue };
            found.ship(path);
            let PayloadEntry::File { content: Content::File(file), .. } = entry else { continue };
            if found.look_at(path, inside, file)? == Some(false) && commands.contains(&inside) {
                return Err(RenderError::ForeignProgram(inside.escape_debug().to_string()));
            }
        }
    }
    found.further_files(&stack.further_files)?;
    Ok(found.machine_code())
}

/// The same for a further package with these files.
///
/// # Errors
/// When one cannot be read or is damaged.
pub(super) fn of_files(package: &str, files: &[FurtherFile]) -> Result<MachineCode, RenderError> {
    let mut found = FoundMachineCode::nothing(package);
    found.further_files(files)?;
    Ok(found.machine_code())
}

/// What was found so far.
struct FoundMachineCode<'a> {
    package: &'a str,
    programs: Programs,
    overrides: Vec<String>,
    stripped: BTreeMap<String, Vec<u8>>,
    debug: DebugFiles,
    is_there: bool,
}

impl<'a> FoundMachineCode<'a> {
    fn nothing(package: &'a str) -> Self {
        Self {
            package,
            programs: Programs::default(),
            overrides: Vec::new(),
            stripped: BTreeMap::new(),
            debug: DebugFiles::default(),
            is_there: false,
        }
    }

    fn machine_code(self) -> MachineCode {
        let Self { programs, overrides, stripped, debug, is_there, .. } = self;
        MachineCode { programs, overrides: overrides.join("\n"), stripped, debug, is_there }
    }

    fn further_files(&mut self, files: &[FurtherFile]) -> Result<(), RenderError> {
        for file in files {
            self.ship(&file.path);
            if let FurtherContent::File { source, .. } = &file.content {
                self.look_at(&file.path, &file.path, source)?;
            }
        }
        Ok(())
    }

    fn ship(&mut self, path: &str) {
        self.programs.shipped.insert(path.rsplit('/').next().unwrap_or(path).to_owned());
    }

    /// Looks at a file that is installed at `path`. Returns whether it is for this architecture, and `None` for one without
    /// machine code.
    fn look_at(&mut self, path: &str, name: &str, file: &Path) -> Result<Option<bool>, RenderError> {
        if !elf::is_elf(file) {
            return Ok(None);
        }
        self.is_there = true;
        let shown = name.escape_debug().to_string();
        let unreadable = |source| RenderError::Unreadable { path: file.display().to_string(), source };
        let bytes = fs::read(file).map_err(unreadable)?;
        let damaged = |source| RenderError::Program { path: shown.clone(), source };
        let is_ours = self.programs.add(&shown, &bytes).map_err(&damaged)?;
        if elf::is_static(&bytes) {
            let (package, at) = (self.package, path.trim_start_matches('/'));
            self.overrides.push(format!("{package}: statically-linked-binary [{at}]"));
        }
        if is_ours && elf::has_debugging_data(&bytes) {
            let separated = elf::separate(&bytes, path, DebugSections::Compressed).map_err(&damaged)?;
            if let Some(separated) = separated {
                self.stripped.insert(path.to_owned(), self.debug.add(separated));
                return Ok(Some(is_ours));
            }
        }
        if elf::has_symbols(&bytes) {
            let (package, at) = (self.package, path.trim_start_matches('/'));
            self.overrides.push(format!("{package}: unstripped-binary-or-object [{at}]"));
        }
        Ok(Some(is_ours))
    }
}
