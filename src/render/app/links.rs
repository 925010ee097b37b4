//! Symbolic links in the app's folder. Each is followed step by step, as the server's kernel will do: every step must stay
//! in the app's folder and lead to something that is packed, because only that is there on the server.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::rules::{AppRules, Inside, is_in_virtual_environment};
use crate::render::RenderError;
use crate::render::notes::AppRule;

/// The most links that Linux follows for one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Returns the target of a link of the app, if it leads to something that is packed. `link` is relative to `app`.
pub(super) fn target(app: &Path, link: &Path, rules: &AppRules<'_>) -> Result<String, RenderError> {
    let path = app.join(link);
    let target =
        fs::read_link(&path).map_err(|source| RenderError::Unreadable { path: path.display().to_string(), source })?;
    let shown = || path.display().to_string();
    if let Err(why) = follow(app, link, &target, rules) {
        let real = path.parent().unwrap_or(app).join(&target);
        let of_environment = is_in_virtual_environment(&real) || is_python(link, &target);
        let why = if of_environment {
            format!("{why}; it belongs to a virtual environment, whose place the packages in [app] depends take")
        } else {
            why
        };
        return Err(RenderError::LinkLeadsOut { path: shown(), target: target.display().to_string(), why });
    }
    target.to_str().map(str::to_owned).ok_or_else(|| RenderError::FileName(target.display().to_string()))
}

/// Whether it is `bin/python3 -> /usr/bin/python3`, which every virtual environment has.
fn is_python(link: &Path, target: &Path) -> bool {
    let begins = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"));
    begins(link) && begins(target) && link.parent().is_some_and(|folder| folder.ends_with("bin"))
}

/// Follows `target`, which the link `link` has. On failure, says why nothing is there on the server.
fn follow(app: &Path, link: &Path, target: &Path, rules: &AppRules<'_>) -> Result<(), String> {
    // Where we are, relative to the app's folder: folders only, no links.
    let mut place: PathBuf = link.parent().unwrap_or(Path::new("")).to_owned();
    let mut ahead: VecDeque<OsString> = parts(target)?;
    let mut links = 1;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            if !place.pop() {
                return Err("which is outside the app's folder".to_owned());
            }
            continue;
        }
        let next = place.join(&part);
        let Ok(metadata) = fs::symlink_metadata(app.join(&next)) else {
            return Err("where nothing is".to_owned());
        };
        if let Err(rule) = is_packed(&next, metadata.is_dir(), rules) {
            return Err(format!("and {} is left out of the package ({rule})", next.display()));
        }
        if !metadata.is_symlink() {
            place = next;
            continue;
        }
        links = usize::saturating_add(links, 1);
        if links > MOST_LINKS {
            return Err("which leads in a circle".to_owned());
        }
        let further = fs::read_link(app.join(&next)).map_err(|error| format!("which cannot be read: {error}"))?;
        for part in parts(&further)?.into_iter().rev() {
            ahead.push_front(part);
        }
    }
    Ok(())
}

/// The parts of a relative target; `.` is left out.
fn parts(target: &Path) -> Result<VecDeque<OsString>, String> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(Ok(name.to_owned())),
        Component::ParentDir => Some(Ok(OsString::from(".."))),
        Component::CurDir => None,
        Component::RootDir | Component::Prefix(_) => Some(Err("an absolute path".to_owned())),
    };
    target.components().filter_map(part).collect()
}

/// Decides about a path from the app's folder down.
fn is_packed(path: &Path, is_folder: bool, rules: &AppRules<'_>) -> Result<(), AppRule> {
    let mut inside = Inside::Packed;
    let mut folders: Vec<&Path> = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()).collect();
    folders.reverse();
    for folder in folders {
        inside = rules.decide(&inside, folder, true)?;
    }
    rules.decide(&inside, path, is_folder).map(|_| ())
}
