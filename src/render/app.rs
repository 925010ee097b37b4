//! The app's own files. Everything in its folder is packed, except for names that begin with a dot (`.git`, `.venv`,
//! `.env`) and the compiled files that Python makes while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use super::RenderError;
use crate::deb::{Content, Payload};
use crate::system::interrupt;

/// Adds what is packed of `folder` to `payload`, below the absolute path `destination`. The files are not read yet.
///
/// # Errors
/// When something can't be read, is neither file, folder nor link, or is a link that leads out of the folder.
pub(super) fn add(payload: &mut Payload, folder: &Path, destination: &str) -> Result<(), RenderError> {
    add_folder(payload, folder, folder, destination)
}

fn add_folder(payload: &mut Payload, app: &Path, folder: &Path, destination: &str) -> Result<(), RenderError> {
    interrupt::check().map_err(unreadable(folder))?;
    let mut empty = true;
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or_else(|| RenderError::FileName(shown(&path)))?;
        if is_left_out(name) {
            continue;
        }
        empty = false;
        let installed = format!("{destination}/{name}");
        let metadata = fs::symlink_metadata(&path).map_err(unreadable(&path))?;
        if metadata.is_dir() {
            add_folder(payload, app, &path, &installed)?;
        } else if metadata.is_symlink() {
            payload.add_symlink(&installed, &link_target(app, &path)?)?;
        } else if metadata.is_file() {
            // Any executable bit of the owner means a program; the rest of the mode is the build machine's umask.
            let mode = if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            payload.add_file(&installed, Content::File(path), mode)?;
        } else {
            return Err(RenderError::SpecialFile(shown(&path)));
        }
    }
    if empty {
        payload.add_folder(destination, 0o755)?;
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name == "__pycache__" || name.ends_with(".pyc")
}

/// The target of a link, if every step to it stays in the app's folder and it is packed.
fn link_target(app: &Path, link: &Path) -> Result<String, RenderError> {
    let target = fs::read_link(link).map_err(unreadable(link))?;
    let leads_out = || RenderError::LinkLeadsOut { path: shown(link), target: shown(&target) };
    let mut depth = link.strip_prefix(app).map_err(|_| leads_out())?.components().count().saturating_sub(1);
    for part in target.components() {
        depth = match part {
            Component::Normal(name) if !is_left_out(&name.to_string_lossy()) => depth.saturating_add(1),
            Component::ParentDir => depth.checked_sub(1).ok_or_else(leads_out)?,
            Component::CurDir => depth,
            _ => return Err(leads_out()),
        };
    }
    let real = fs::canonicalize(link).map_err(|_| leads_out())?;
    if !real.starts_with(fs::canonicalize(app).map_err(unreadable(app))?) {
        return Err(leads_out());
    }
    target.to_str().map(str::to_owned).ok_or_else(|| RenderError::FileName(shown(&target)))
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    let path = shown(path);
    move |source| RenderError::Unreadable { path: path.clone(), source }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::deb::Entry;

    #[test]
    fn code_is_packed_and_leavings_are_not() {
        let app = tempfile::tempdir().unwrap();
        for folder in ["sub/__pycache__", ".git", "empty"] {
            fs::create_dir_all(app.path().join(folder)).unwrap();
        }
        for file in ["app.py", "sub/run", "sub/__pycache__/a.pyc", "b.pyc", ".git/HEAD", ".env"] {
            fs::write(app.path().join(file), file).unwrap();
        }
        fs::set_permissions(app.path().join("sub/run"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("../app.py", app.path().join("sub/link")).unwrap();
        let mut payload = Payload::default();
        add(&mut payload, app.path(), "/usr/share/stack").unwrap();
        let file = |name: &str, mode| Entry::File { content: Content::File(app.path().join(name)), mode };
        let expected = [
            ("/usr", Entry::Folder { mode: 0o755 }),
            ("/usr/share", Entry::Folder { mode: 0o755 }),
            ("/usr/share/stack", Entry::Folder { mode: 0o755 }),
            ("/usr/share/stack/app.py", file("app.py", 0o644)),
            ("/usr/share/stack/empty", Entry::Folder { mode: 0o755 }),
            ("/usr/share/stack/sub", Entry::Folder { mode: 0o755 }),
            ("/usr/share/stack/sub/link", Entry::Symlink { target: "../app.py".to_owned() }),
            ("/usr/share/stack/sub/run", file("sub/run", 0o755)),
        ];
        assert!(payload.entries().into_iter().eq(expected.iter().map(|(path, entry)| (*path, entry))), "{payload:?}");
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        let app = parent.path().join("app");
        fs::create_dir_all(app.join("sub")).unwrap();
        fs::write(parent.path().join("secret"), "").unwrap();
        fs::write(app.join("inside"), "").unwrap();
        fs::write(app.join(".env"), "").unwrap();
        let absolute = app.join("inside").display().to_string();
        for target in ["../secret", "../app/inside", "missing", ".env", "sub/../../secret", "/etc/passwd", &absolute] {
            symlink(target, app.join("link")).unwrap();
            let refused = add(&mut Payload::default(), &app, "/usr/share/stack");
            assert!(matches!(refused, Err(RenderError::LinkLeadsOut { .. })), "{target}");
            fs::remove_file(app.join("link")).unwrap();
        }
        symlink("inside", app.join("link")).unwrap();
        assert!(add(&mut Payload::default(), &app, "/usr/share/stack").is_ok());
    }
}
