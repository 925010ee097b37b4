//! The files that nginx serves itself: the folders of `[[site.static]]` → entries of the payload. A file whose name has a hash
//! never changes, so it is in a folder of its own: nginx lets browsers keep what is there, and an upgrade keeps it for pages
//! that are still open. In both folders the files have the paths that visitors ask for.

use std::fs;
use std::path::{Path, PathBuf};

use super::RenderError;
use super::app::{AppRules, Inside, suspicion};
use super::notes::{LeftOut, SiteNotes};
use crate::control::PackageName;
use crate::deb::{Content, Payload};
use crate::stack::{AppKind, Stack, StaticFiles};
use crate::system::interrupt;

/// A folder of static files on the server, named within `/usr/share/stackdeb-NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticFolder(&'static str);

/// Files that never change under their names.
pub const HASHED: StaticFolder = StaticFolder("hashed");
/// Files that may change under the same name, so browsers ask again.
pub const PLAIN: StaticFolder = StaticFolder("plain");

impl StaticFolder {
    /// Its path on the server.
    pub fn of(self, package: &PackageName) -> String {
        format!("/usr/share/stackdeb-{package}/{}", self.0)
    }
}

/// Adds all static files of a stack to `payload`. Of their content only enough is read to find a private key.
///
/// # Errors
/// When something cannot be read, is neither file, folder nor link, or is a link to something outside the project.
pub(super) fn add(payload: &mut Payload, stack: &Stack) -> Result<SiteNotes, RenderError> {
    let mut notes = SiteNotes::default();
    for files in &stack.static_files() {
        // The patterns of [app] are for its folder, which may be above what is served of it.
        let (rules, below) = match files.path.as_str() {
            "/" => (AppRules::of(stack), files.folder.strip_prefix(&stack.app.folder).unwrap_or(Path::new(""))),
            _ => (AppRules::without_patterns(&files.folder, &stack.package.name), Path::new("")),
        };
        StaticWalk { stack, files, rules, below, payload, notes: &mut notes }.folder(Path::new(""), &Inside::Packed)?;
    }
    notes.left_out.sort_by(|one, other| one.path.cmp(&other.path));
    notes.secrets.sort();
    Ok(notes)
}

/// Checks that a site of files has the pages that nginx names for it.
///
/// # Errors
/// When one of them is not packed.
pub(super) fn check(stack: &Stack, payload: &Payload) -> Result<(), RenderError> {
    let AppKind::Static(site) = &stack.app.kind else { return Ok(()) };
    let is_there = |path: &str| payload.get(&format!("{}{path}", PLAIN.of(&stack.package.name))).is_some();
    let folder = || {
        let served = stack.static_files().into_iter().next();
        served.map(|files| files.folder.display().to_string()).unwrap_or_default()
    };
    if !is_there("/index.html") && !is_there(&stack.health.path) {
        return Err(RenderError::NoFirstPage { folder: folder(), health: stack.health.path.clone() });
    }
    match &site.fallback {
        Some(page) if !is_there(page) => Err(RenderError::NoFallback { folder: folder(), page: page.clone() }),
        _ => Ok(()),
    }
}

struct StaticWalk<'a> {
    stack: &'a Stack,
    files: &'a StaticFiles,
    rules: AppRules<'a>,
    /// The folder's path in the one that the rules are for.
    below: &'a Path,
    payload: &'a mut Payload,
    notes: &'a mut SiteNotes,
}

impl StaticWalk<'_> {
    /// Adds what is in a folder. `relative` is its path in the folder of the manifest.
    fn folder(&mut self, relative: &Path, inside: &Inside) -> Result<(), RenderError> {
        let folder = self.files.folder.join(relative);
        interrupt::check().map_err(unreadable(&folder))?;
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            let kind = entry.file_type().map_err(unreadable(&path))?;
            let inside = match self.rules.decide(inside, &self.below.join(&relative), kind.is_dir()) {
                Ok(inside) => inside,
                Err(rule) => {
                    self.notes.left_out.push(LeftOut { path: self.in_project(&relative), rule });
                    continue;
                }
            };
            if kind.is_dir() {
                self.folder(&relative, &inside)?;
            } else if kind.is_symlink() {
                self.file(&relative, self.target(&path)?)?;
            } else if kind.is_file() {
                self.file(&relative, path)?;
            } else {
                return Err(RenderError::SpecialFile(path.display().to_string()));
            }
        }
        Ok(())
    }

    /// The path as a user knows it. After a build command, the folder may be in a copy of the app.
    fn in_project(&self, relative: &Path) -> PathBuf {
        let path = self.files.folder.join(relative);
        let inside = path.strip_prefix(&self.stack.folder).or_else(|_| path.strip_prefix(&self.stack.app.folder));
        inside.map(Path::to_owned).unwrap_or(path)
    }

    /// The file that a link leads to.
    fn target(&self, link: &Path) -> Result<PathBuf, RenderError> {
        let target = fs::read_link(link).map_err(unreadable(link))?;
        let wrong = |why: &str| RenderError::LinkLeadsOut {
            path: link.display().to_string(),
            target: target.display().to_string(),
            why: why.to_owned(),
        };
        let real = fs::canonicalize(link).map_err(|_| wrong("where nothing is"))?;
        let is_in = |folder: &Path| fs::canonicalize(folder).map(|folder| real.starts_with(folder));
        let (project, app) = (&self.stack.folder, &self.stack.app.folder);
        // After a build command, the app's folder is a copy elsewhere.
        if !is_in(project).map_err(unreadable(project))? && !is_in(app).map_err(unreadable(app))? {
            return Err(wrong("which is outside the project's folder"));
        }
        if !real.is_file() {
            return Err(wrong("which is not a file"));
        }
        Ok(real)
    }

    fn file(&mut self, relative: &Path, source: PathBuf) -> Result<(), RenderError> {
        let file_name = || RenderError::FileName(self.files.folder.join(relative).display().to_string());
        let shown = relative.to_str().ok_or_else(file_name)?;
        let name = relative.file_name().and_then(|name| name.to_str()).ok_or_else(file_name)?;
        let is_included = self.rules.is_included(&self.below.join(relative));
        let found = suspicion(&self.files.folder.join(relative)).or_else(|| suspicion(&source));
        self.notes.secrets.extend(found.filter(|_| !is_included).map(|why| (self.in_project(relative), why)));
        let hashed = has_hash(name) || self.files.hashed.iter().any(|pattern| pattern.matches(relative));
        let folder = if hashed { HASHED } else { PLAIN }.of(&self.stack.package.name);
        Ok(self.payload.add_file(&format!("{folder}{}{shown}", self.files.path), Content::File(source), 0o644)?)
    }
}

/// The fewest characters of a hash in a name. Bundlers write 8 or more.
const SHORTEST_HASH: usize = 8;
/// The most: SHA-256 in hexadecimal.
const LONGEST_HASH: usize = 64;

/// Whether a part of a file's name looks like a hash of its content: hexadecimal digits, or, after another part, a mixture of
/// digits and capital letters as bundlers write it. Dates and words have not both, and versions are shorter.
fn has_hash(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut parts = stem.split(['.', '-', '_']);
    let first = parts.next().is_some_and(is_hexadecimal_hash);
    first || parts.any(|part| is_hexadecimal_hash(part) || is_mixed_hash(part))
}

fn is_hexadecimal_hash(part: &str) -> bool {
    has_length(part) && has_digit(part) && {
        let is_letter = |byte: u8| matches!(byte, b'a'..=b'f');
        part.bytes().any(is_letter) && part.bytes().all(|byte| byte.is_ascii_digit() || is_letter(byte))
    }
}

fn is_mixed_hash(part: &str) -> bool {
    has_length(part)
        && has_digit(part)
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && part.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn has_length(part: &str) -> bool {
    (SHORTEST_HASH..=LONGEST_HASH).contains(&part.len())
}

fn has_digit(part: &str) -> bool {
    part.bytes().any(|byte| byte.is_ascii_digit())
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    let path = path.display().to_string();
    move |source| RenderError::Unreadable { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as Django, webpack, Vite, esbuild and Parcel write them, and names that people give.
    #[test]
    fn a_hash_is_told_from_words_dates_and_versions() {
        for hashed in [
            "app.55e7cbb9ba48.css",
            "main.8f3d2c1a.js",
            "index-DiwrG2da.js",
            "app-YQHTRU2N.js",
            "c3f2a9d1e0b4.woff2",
            "logo.3d1f0a9be2c4d5f60718.min.svg",
        ] {
            assert!(has_hash(hashed), "{hashed}");
        }
        for plain in [
            "app.css",
            "jquery-3.7.1.min.js",
            "bootstrap-5.3.3.bundle.min.css",
            "photo-20261122.jpg",
            "DSC00012345.JPG",
            "main-overview.js",
            "deadbeef.txt",
            "decade-facade.css",
            "robots.txt",
            "INSTALLATION.md",
        ] {
            assert!(!has_hash(plain), "{plain}");
        }
    }
}
