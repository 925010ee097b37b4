//! From a stack to files: what its package puts on a server ([`package_files`]: the units, the nginx site, the maintainer
//! scripts, the app's code and the papers), what a machine's image has beside its
//! packages ([`image::image_files`]), and what a new instance is told ([`user_data::user_data`]).
//! A [`Stack`] comes in; files, folders and links by their final paths go out, with the scripts and the packages that
//! they need. Most of them are made of the Handlebars templates in `debian/`, `units/`, `nginx/` and `image/`.
//!
//! Two things are added by whoever assembles the package: the binary at [`health_check_path`], and what it needs.

mod app;
mod context;
mod error;
pub mod image;
mod papers;
mod relations;
mod template;
pub mod user_data;

use std::path::PathBuf;

use crate::control::{PackageName, Relations};
use crate::stack::Stack;

pub use error::RenderError;

use context::Context;
use template::{Template, Templates, template};

/// All that the package of a stack consists of, except for the health-check binary.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Regular files, sorted by path. Folders above them are not listed.
    pub files: Vec<RenderedFile>,
    /// Folders that are shipped although nothing is in them, sorted by path; mode 0755.
    pub folders: Vec<String>,
    /// Symbolic links, sorted by path.
    pub symlinks: Vec<RenderedSymlink>,
    /// The maintainer scripts.
    pub scripts: Scripts,
    /// What the stack needs to run, beside the libraries of the health-check binary.
    pub depends: Relations,
    /// What a server should have as well.
    pub recommends: Relations,
}

/// A regular file, owned by root.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    /// Its path on the server: `/usr/lib/systemd/system/stack.service`.
    pub path: String,
    /// What is in it.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
    /// Whether it is the administrator's to edit.
    pub kind: FileKind,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file of the build machine: an app may be large, so its files are read when the package is written.
    File(PathBuf),
}

/// What happens to a file that an administrator has changed (deb-conffiles(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// An upgrade replaces it.
    Plain,
    /// dpkg asks, and keeps it until purge.
    Conffile,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedSymlink {
    /// Its path on the server.
    pub path: String,
    /// What it says: a relative path.
    pub target: String,
}

/// The maintainer scripts (Debian Policy 6). What each of them does is said in the scripts themselves.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// Only if the project has a `debian/preinst`: the stack needs none.
    pub preinst: Option<String>,
    /// Makes the system user and enables and starts the units and the site.
    pub postinst: String,
    /// Gives nginx back what it had, and stops the units.
    pub prerm: String,
    /// On purge, removes what the installation has made.
    pub postrm: String,
}

/// Where the health-check binary goes, mode 0755: `/usr/libexec/NAME/health-check`.
pub fn health_check_path(name: &PackageName) -> String {
    format!("/usr/libexec/{name}/health-check")
}

/// Renders everything that the package consists of.
///
/// # Errors
/// When a template has a mistake or uses an unknown variable, when a file of the app or of an own template can't be read,
/// and when a link in the app's folder leads out of it.
pub fn package_files(stack: &Stack) -> Result<Rendered, RenderError> {
    let templates = Templates::of_project(&stack.folder, &Context::of(stack))?;
    let name = &stack.package.name;

    let mut files = Vec::new();
    for (template, path, mode, kind) in destinations(stack) {
        let content = Content::Bytes(templates.render(template)?.into_bytes());
        files.push(RenderedFile { path, content, mode, kind });
    }
    files.push(papers::changelog(stack)?);

    let app = app::contents(&stack.app.folder, &format!("/usr/share/{name}"))?;
    files.extend(app.files);
    files.sort_by(|a, b| a.path.cmp(&b.path));

    let mut folders = app.folders;
    // For an administrator's programs; the package has none.
    folders.push(format!("/etc/{name}/health-alert.d"));
    folders.sort();

    let scripts = Scripts {
        preinst: templates.render_own("debian/preinst")?,
        postinst: templates.render(template!("debian/postinst"))?,
        prerm: templates.render(template!("debian/prerm"))?,
        postrm: templates.render(template!("debian/postrm"))?,
    };
    let (depends, recommends) = (relations::depends(stack)?, relations::recommends()?);
    Ok(Rendered { files, folders, symlinks: app.symlinks, scripts, depends, recommends })
}

/// Each file that is made of a template: the template, the file's path, mode and kind.
fn destinations(stack: &Stack) -> Vec<(Template, String, u32, FileKind)> {
    use FileKind::{Conffile, Plain};
    let name = &stack.package.name;
    let unit = |suffix: &str| format!("/usr/lib/systemd/system/{name}{suffix}");
    // Its number puts it before `override.conf`, in which `systemctl edit` writes.
    let drop_in = |of: &str| format!("/usr/lib/systemd/system/{of}.d/10-{name}.conf");
    let mut all = vec![
        (template!("units/nginx.conf"), drop_in("nginx.service"), 0o644, Plain),
        (template!("units/app.socket"), unit(".socket"), 0o644, Plain),
        (template!("units/app.service"), unit(".service"), 0o644, Plain),
        (template!("units/health.service"), unit("-health.service"), 0o644, Plain),
        (template!("units/health-alert.service"), unit("-health-alert.service"), 0o644, Plain),
        (template!("units/health.timer"), unit("-health.timer"), 0o644, Plain),
        (template!("nginx/site.conf"), format!("/etc/nginx/sites-available/{name}"), 0o644, Conffile),
        (template!("debian/app.env"), format!("/etc/{name}/{name}.env"), 0o644, Conffile),
        (template!("debian/gunicorn.conf.py"), format!("/etc/{name}/gunicorn.conf.py"), 0o644, Conffile),
        (template!("debian/health.toml"), format!("/etc/{name}/health.toml"), 0o644, Conffile),
        (template!("debian/health-alert"), format!("/usr/libexec/{name}/health-alert"), 0o755, Plain),
        (template!("debian/logrotate"), format!("/etc/logrotate.d/{name}"), 0o644, Conffile),
        (template!("debian/lintian-overrides"), format!("/usr/share/lintian/overrides/{name}"), 0o644, Plain),
        (template!("debian/sysusers.conf"), format!("/usr/lib/sysusers.d/{name}.conf"), 0o644, Plain),
        (template!("debian/tmpfiles.conf"), format!("/usr/lib/tmpfiles.d/{name}.conf"), 0o644, Plain),
        (template!("debian/copyright"), format!("/usr/share/doc/{name}/copyright"), 0o644, Plain),
    ];
    if stack.database.is_some() {
        all.push((template!("units/postgresql.conf"), drop_in("postgresql@.service"), 0o644, Plain));
        all.push((template!("units/database.service"), unit("-database.service"), 0o644, Plain));
        all.push((
            template!("debian/provision-database"),
            format!("/usr/libexec/{name}/provision-database"),
            0o755,
            Plain,
        ));
    }
    all
}
