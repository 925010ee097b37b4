//! What a user should know about the files of a package: what is left out and by which rule, and what looks like a secret.
//! `app` and `static_files` find it while they pack; the commands print it.

use std::fmt;
use std::path::PathBuf;

/// Why a file or folder is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppRule {
    Dot,
    Compiled,
    Backup,
    VirtualEnvironment,
    NodeModules,
    OfTests,
    OwnOutput,
    /// The pattern of `[app] exclude`.
    Excluded(String),
}

impl fmt::Display for AppRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot => f.write_str("its name begins with a dot"),
            Self::Compiled => f.write_str("Python makes it from the code"),
            Self::Backup => f.write_str("a backup of an editor or of patch"),
            Self::VirtualEnvironment => {
                f.write_str("a virtual environment: on the server, [app] requirements or depends take its place")
            }
            Self::NodeModules => f.write_str("packages of Node.js, which build a site's files and do not serve them"),
            Self::OfTests => f.write_str("a tool of the programmer makes it"),
            Self::OwnOutput => f.write_str("a package or an image that stackdeb has built"),
            Self::Excluded(pattern) => write!(f, "[app] exclude has `{pattern}`"),
        }
    }
}

/// A file or folder of the app that is not packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Relative to the app's folder.
    pub path: PathBuf,
    pub rule: AppRule,
}

/// What a user should know about the app's files, in the order of their paths.
#[derive(Debug, Clone, Default)]
pub struct AppNotes {
    pub left_out: Vec<LeftOut>,
    /// Packed files that look like secrets, relative to the app's folder, each with the reason.
    pub secrets: Vec<(PathBuf, &'static str)>,
    /// The same about the files that nginx serves itself.
    pub site: SiteNotes,
    /// What of a crate's metadata is not in the package, one sentence each.
    pub of_crate: Vec<String>,
}

impl AppNotes {
    /// How many files and folders are not packed, or not served, as sentences; none when all are.
    pub fn left_out_in_all(&self) -> Vec<String> {
        let sentence = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 file or folder {one}: `stackdeb check` says which, and why")),
            _ => Some(format!("{count} files and folders {many}: `stackdeb check` says which, and why")),
        };
        let of_app = sentence(self.left_out.len(), "of the app is left out", "of the app are left out");
        let (one, many) = ("for nginx is left out", "for nginx are left out");
        of_app.into_iter().chain(sentence(self.site.left_out.len(), one, many)).collect()
    }

    /// What a user should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let secret = |(path, why): &(PathBuf, &'static str)| {
            format!(
                "{} looks like a secret ({why}), and everybody can read it in the package: leave it out with [app] \
                 exclude, or name it in [app] include",
                path.display().to_string().escape_debug()
            )
        };
        let served = |(path, why): &(PathBuf, &'static str)| {
            format!(
                "{} looks like a secret ({why}), and nginx shows it to every visitor: move it to another folder",
                path.display().to_string().escape_debug()
            )
        };
        let secrets = self.secrets.iter().map(secret).chain(self.site.secrets.iter().map(served));
        self.of_crate.iter().cloned().chain(secrets).collect()
    }
}

/// What a user should know about the static files, in the order of their paths, which are relative to the project.
#[derive(Debug, Clone, Default)]
pub struct SiteNotes {
    /// What is not packed, and so not served.
    pub left_out: Vec<LeftOut>,
    /// Files that look like secrets, each with the reason.
    pub secrets: Vec<(PathBuf, &'static str)>,
}
