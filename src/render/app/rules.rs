//! Which files of the app are packed. Some are left out by rule: they are made again on the server, belong
//! to the programmer's machine, or are our own outputs. `[app] include` packs such a file all the same;
//! `[app] exclude` leaves out more.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::control::PackageName;
use crate::render::notes::AppRule;
use crate::stack::{AppKind, Pattern, Stack};

/// The one name with a dot before it that is packed: browsers and other servers ask for `/.well-known/…` (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// The file by which Python knows a virtual environment (PEP 405).
const VIRTUAL_ENVIRONMENT: &str = "pyvenv.cfg";

/// What npm and its relatives install beside the sources of a site's scripts.
const NODE_MODULES: &str = "node_modules";

/// Folders that tools of a Python programmer make and whose names do not begin with a dot: the report of coverage, and the
/// packages of PEP 582.
const OF_TESTS: [&str; 2] = ["htmlcov", "__pypackages__"];

/// What holds for everything in a packed folder.
#[derive(Debug, Clone)]
pub(in crate::render) enum Inside {
    /// All of it is packed, except for what a rule leaves out.
    Packed,
    /// The folder itself is left out by this rule, and `include` names something in it.
    Reached(AppRule),
}

/// What `include`, `exclude` and the fixed rules of stackdeb say.
pub(in crate::render) struct AppRules<'a> {
    app: &'a Path,
    include: &'a [Pattern],
    exclude: &'a [Pattern],
    package: &'a str,
    /// Whether `node_modules` are left out.
    refuses_node_modules: bool,
}

impl<'a> AppRules<'a> {
    pub(in crate::render) fn of(stack: &'a Stack) -> Self {
        let app = &stack.app;
        let package = stack.package.name.as_str();
        // A program in Node.js runs with them.
        let refuses_node_modules = !matches!(app.kind, AppKind::Exec(_));
        Self { app: &app.folder, include: &app.include, exclude: &app.exclude, package, refuses_node_modules }
    }

    /// The rules for another folder, in which no pattern of the manifest holds.
    pub(in crate::render) fn without_patterns(folder: &'a Path, package: &'a PackageName) -> Self {
        Self { app: folder, include: &[], exclude: &[], package: package.as_str(), refuses_node_modules: true }
    }

    /// Decides about an entry of a packed folder. `path` is relative to the app's folder. Returns what holds inside of it,
    /// or the rule that leaves it out.
    pub(in crate::render) fn decide(&self, inside: &Inside, path: &Path, is_folder: bool) -> Result<Inside, AppRule> {
        if let Some(pattern) = self.exclude.iter().find(|pattern| pattern.matches(path)) {
            return Err(AppRule::Excluded(pattern.as_str().to_owned()));
        }
        if self.is_included(path) {
            return Ok(Inside::Packed);
        }
        let rule = match inside {
            Inside::Reached(rule) => Some(rule.clone()),
            Inside::Packed => self.rule(path, is_folder),
        };
        match rule {
            None => Ok(Inside::Packed),
            Some(rule) if is_folder && self.include.iter().any(|pattern| pattern.reaches_into(path)) => {
                Ok(Inside::Reached(rule))
            }
            Some(rule) => Err(rule),
        }
    }

    /// Whether `include` names this very path.
    pub(in crate::render) fn is_included(&self, path: &Path) -> bool {
        self.include.iter().any(|pattern| pattern.matches(path))
    }

    /// The rule that leaves out an entry of a packed folder, whatever the patterns of the manifest say.
    fn rule(&self, path: &Path, is_folder: bool) -> Option<AppRule> {
        let name = path.file_name().unwrap_or_default();
        let bytes = name.as_bytes();
        if bytes.starts_with(b".") && name != OsStr::new(WELL_KNOWN) {
            Some(AppRule::Dot)
        } else if name == OsStr::new("__pycache__") || bytes.ends_with(b".pyc") || bytes.ends_with(b".pyo") {
            Some(AppRule::Compiled)
        } else if bytes.ends_with(b"~")
            || (bytes.starts_with(b"#") && bytes.ends_with(b"#"))
            || is_of_patch(bytes, is_folder)
        {
            Some(AppRule::Backup)
        } else if is_folder && self.refuses_node_modules && name == OsStr::new(NODE_MODULES) {
            Some(AppRule::NodeModules)
        } else if is_folder && OF_TESTS.iter().any(|one| name == OsStr::new(one)) {
            Some(AppRule::OfTests)
        } else if is_folder && self.app.join(path).join(VIRTUAL_ENVIRONMENT).is_file() {
            Some(AppRule::VirtualEnvironment)
        } else if !is_folder && self.is_own_output(bytes) {
            Some(AppRule::OwnOutput)
        } else {
            None
        }
    }

    /// Whether it has a name that stackdeb gives to a package or an image of this stack, in any version.
    fn is_own_output(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.package.as_bytes()) else { return false };
        rest == b".deb"
            || (rest.starts_with(b"_") && rest.ends_with(b"_amd64.deb"))
            || (rest.starts_with(b"-") && (rest.ends_with(b"-linode.img.gz") || rest.ends_with(b"-linode.json")))
    }
}

/// Whether patch(1) or a merge has left the file: the text before, or what could not be applied.
fn is_of_patch(name: &[u8], is_folder: bool) -> bool {
    !is_folder && (name.ends_with(b".orig") || name.ends_with(b".rej"))
}

/// Whether a path, links in it followed, is in a virtual environment.
pub(super) fn is_in_virtual_environment(path: &Path) -> bool {
    path.ancestors().any(|folder| folder.join(VIRTUAL_ENVIRONMENT).is_file())
}
