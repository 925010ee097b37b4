//! The programs in machine code among the files of a stack of the kind `exec`: the packages with the libraries that they link, and
//! lintian's overrides for what they have by nature. They are packed as they are: some runtimes keep a program's code behind the
//! end of the ELF file, where stripping would take it away.

use std::collections::BTreeSet;
use std::fs;

use super::RenderError;
use crate::control::Relations;
use crate::deb::elf::{self, Libraries};
use crate::deb::{Content, Entry, Payload};
use crate::stack::{AppKind, Stack};

/// What the programs mean for the package.
#[derive(Default)]
pub(super) struct MachineCode {
    pub(super) depends: Relations,
    /// Lines of lintian's overrides.
    pub(super) overrides: String,
}

/// Reads the programs and libraries that are packed with the app.
///
/// # Errors
/// When one cannot be read or is damaged, needs a library that no known package has, or the app's own program is for another
/// machine.
pub(super) fn of(stack: &Stack, payload: &Payload) -> Result<MachineCode, RenderError> {
    let AppKind::Exec(_) = &stack.app.kind else { return Ok(MachineCode::default()) };
    let (folder, name) = (format!("{}/", stack.app_folder()), &stack.package.name);
    let commands: Vec<&str> = stack.commands().filter_map(|(_, command)| command.in_app()).collect();
    let (mut libraries, mut shipped, mut overrides) = (Libraries::default(), BTreeSet::new(), Vec::new());
    for (path, entry) in payload.entries() {
        let Some(inside) = path.strip_prefix(&folder) else { continue };
        shipped.insert(inside.rsplit('/').next().unwrap_or(inside).to_owned());
        let Entry::File { content: Content::File(file), .. } = entry else { continue };
        if !elf::is_elf(file) {
            continue;
        }
        let shown = || inside.escape_debug().to_string();
        let unreadable = |source| RenderError::Unreadable { path: file.display().to_string(), source };
        let bytes = fs::read(file).map_err(unreadable)?;
        let is_ours = libraries.add(&bytes).map_err(|source| RenderError::Program { path: shown(), source })?;
        if !is_ours && commands.contains(&inside) {
            return Err(RenderError::ForeignProgram(shown()));
        }
        let at = format!("[{}]", path.trim_start_matches('/'));
        if elf::has_symbols(&bytes) {
            overrides.push(format!("{name}: unstripped-binary-or-object {at}"));
        }
        if elf::is_static(&bytes) {
            overrides.push(format!("{name}: statically-linked-binary {at}"));
        }
    }
    match libraries.packages(&shipped) {
        (depends, unknown) if unknown.is_empty() => Ok(MachineCode { depends, overrides: overrides.join("\n") }),
        (_, unknown) => Err(RenderError::UnknownLibraries(unknown.join(", "))),
    }
}
