//! The app's own files. Its folder comes in; what is packed of it goes out: everything but names that begin with a dot
//! (`.git`, `.venv`, `.env`) and what Python makes while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use super::{Content, FileKind, RenderError, RenderedFile, RenderedSymlink};
use crate::system::interrupt;

/// What is packed of an app's folder, each list sorted by path.
#[derive(Debug, Default)]
pub(super) struct AppContents {
    pub(super) files: Vec<RenderedFile>,
    /// Only those in which nothing is.
    pub(super) folders: Vec<String>,
    pub(super) symlinks: Vec<RenderedSymlink>,
}

/// Lists what of `folder` goes below `destination`.
///
/// # Errors
/// When something can't be read, is neither file, folder nor link, or is a link that leads out of the folder.
pub(super) fn contents(folder: &Path, destination: &str) -> Result<AppContents, RenderError> {
    let mut contents = AppContents::default();
    collect(folder, folder, destination, &mut contents)?;
    contents.folders.sort();
    contents.symlinks.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(contents)
}

fn collect(app: &Path, folder: &Path, destination: &str, contents: &mut AppContents) -> Result<(), RenderError> {
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
            collect(app, &path, &installed, contents)?;
        } else if metadata.is_symlink() {
            contents.symlinks.push(RenderedSymlink { target: link_target(app, &path)?, path: installed });
        } else if metadata.is_file() {
            // Any executable bit of the owner means a program; the rest of the mode is the build machine's umask.
            let mode = if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            let content = Content::File(path);
            contents.files.push(RenderedFile { path: installed, content, mode, kind: FileKind::Plain });
        } else {
            return Err(RenderError::SpecialFile(shown(&path)));
        }
    }
    if empty {
        contents.folders.push(destination.to_owned());
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name == "__pycache__" || name.ends_with(".pyc")
}

/// What a link says, if following it stays inside the app's folder all the way and ends at something that is packed.
fn link_target(app: &Path, link: &Path) -> Result<String, RenderError> {
    let target = fs::read_link(link).map_err(unreadable(link))?;
    let leads_out = || RenderError::LinkLeadsOut { path: shown(link), target: shown(&target) };
    let mut depth = link.strip_prefix(app).map_err(|_| leads_out())?.components().count().saturating_sub(1);
    for part in target.components() {
        depth = match part {
            Component::Normal(name) if !is_left_out(&name.to_string_lossy()) => depth + 1,
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
        let mut contents = contents(app.path(), "/usr/share/stack").unwrap();
        contents.files.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Vec<_> = contents.files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
        assert_eq!(files, [("/usr/share/stack/app.py", 0o644), ("/usr/share/stack/sub/run", 0o755)]);
        assert_eq!(contents.folders, ["/usr/share/stack/empty"]);
        let link = RenderedSymlink { path: "/usr/share/stack/sub/link".to_owned(), target: "../app.py".to_owned() };
        assert_eq!(contents.symlinks, [link]);
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
            assert!(matches!(contents(&app, "/usr/share/stack"), Err(RenderError::LinkLeadsOut { .. })), "{target}");
            fs::remove_file(app.join("link")).unwrap();
        }
        symlink("inside", app.join("link")).unwrap();
        assert!(contents(&app, "/usr/share/stack").is_ok());
    }
}
