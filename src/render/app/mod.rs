//! The app's own files: the folder of `[app]` → entries of the payload. [`rules`] says what is left out, [`links`] where a
//! link may lead, [`secrets`] what a user is warned of.

mod links;
mod rules;
mod secrets;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::RenderError;
use super::notes::{AppNotes, LeftOut};
use crate::deb::{Content, Payload, elf};
use crate::stack::{AppKind, Stack};
use crate::system::interrupt;

pub(super) use rules::{AppRules, Inside};
pub(super) use secrets::suspicion;

/// Adds what is packed of the app's folder to `payload`, below the absolute path `destination`. The
/// files are not read yet.
///
/// # Errors
/// When something cannot be read, is neither file, folder nor link, or is a link to something that is not packed.
pub(super) fn add(payload: &mut Payload, stack: &Stack, destination: &str) -> Result<AppNotes, RenderError> {
    let mut walk = AppWalk {
        app: &stack.app.folder,
        rules: AppRules::of(stack),
        marks_programs: matches!(stack.app.kind, AppKind::Exec(_)),
        payload,
        notes: AppNotes::default(),
    };
    walk.folder(Path::new(""), destination, &Inside::Packed)?;
    walk.notes.left_out.sort_by(|one, other| one.path.cmp(&other.path));
    walk.notes.secrets.sort();
    Ok(walk.notes)
}

struct AppWalk<'a> {
    app: &'a Path,
    rules: AppRules<'a>,
    /// Whether a program in machine code is executable whatever its mode is: downloads lose it.
    marks_programs: bool,
    payload: &'a mut Payload,
    notes: AppNotes,
}

impl AppWalk<'_> {
    /// Adds what is in a folder. `relative` is its path in the app's folder; `installed` is its path on the server.
    fn folder(&mut self, relative: &Path, installed: &str, inside: &Inside) -> Result<(), RenderError> {
        let folder = self.app.join(relative);
        interrupt::check().map_err(unreadable(&folder))?;
        let mut empty = matches!(inside, Inside::Packed);
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            let kind = entry.file_type().map_err(unreadable(&path))?;
            let inside = match self.rules.decide(inside, &relative, kind.is_dir()) {
                Ok(inside) => inside,
                Err(rule) => {
                    self.notes.left_out.push(LeftOut { path: relative, rule });
                    continue;
                }
            };
            empty = false;
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| RenderError::FileName(shown(&path)))?;
            let installed = format!("{installed}/{name}");
            if kind.is_dir() {
                self.folder(&relative, &installed, &inside)?;
            } else if kind.is_symlink() {
                self.payload.add_symlink(&installed, &links::target(self.app, &relative, &self.rules)?)?;
            } else if kind.is_file() {
                self.file(path, relative, &installed)?;
            } else {
                return Err(RenderError::SpecialFile(shown(&path)));
            }
        }
        if empty {
            self.payload.add_folder(installed, 0o755)?;
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, relative: PathBuf, installed: &str) -> Result<(), RenderError> {
        let metadata = fs::metadata(&path).map_err(unreadable(&path))?;
        if !self.rules.is_included(&relative)
            && let Some(why) = suspicion(&path)
        {
            self.notes.secrets.push((relative, why));
        }
        // Any executable bit of the owner means a program; the rest of the mode is the build machine's umask.
        let is_program = metadata.permissions().mode() & 0o100 != 0 || (self.marks_programs && is_program(&path));
        let mode = if is_program { 0o755 } else { 0o644 };
        Ok(self.payload.add_file(installed, Content::File(path), mode)?)
    }
}

/// Whether a file is in machine code and not called as a shared library is.
fn is_program(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.ends_with(".so") && !name.contains(".so.") && !name.ends_with(".node") && elf::is_elf(path)
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    let path = shown(path);
    move |source| RenderError::Unreadable { path: path.clone(), source }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
