//! Turns a stack into files: what its package installs on a server ([`package_files`]: units, nginx site, maintainer
//! scripts, app, changelog), what its disk image has beside its packages ([`image::image_files`]), what a new instance is
//! told ([`user_data::user_data`]), and what runs several machines ([`terraform::terraform_files`]). Most files are made
//! from the Handlebars templates in `debian/`, `units/`, `nginx/` and `image/`.
//!
//! The health check's program is not among the files: the caller adds it at [`health_check_path`].

mod app;
mod context;
mod error;
pub mod image;
mod papers;
mod relations;
mod template;
pub mod terraform;
pub mod user_data;

use crate::control::{PackageName, Relations};
use crate::deb::{Content, Payload, Scripts};
use crate::stack::Stack;

pub use error::RenderError;

use context::Context;
use template::{Template, Templates, template};

/// All that the package of a stack consists of, except for the health-check binary.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Files, folders and symbolic links.
    pub payload: Payload,
    /// The files that the administrator may edit: dpkg asks before it replaces an edited one (deb-conffiles(5)). In the
    /// order of their paths.
    pub conffiles: Vec<String>,
    /// The maintainer scripts. There is a preinst only if the project has the template `debian/preinst`.
    pub scripts: Scripts,
    /// The packages without which the stack does not run; those of the health-check binary are not among them.
    pub depends: Relations,
    /// The packages that a server should have as well.
    pub recommends: Relations,
}

/// Whether the administrator may edit a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    /// An upgrade replaces it.
    Plain,
    /// dpkg asks before it replaces an edited one.
    Conffile,
}

/// Where the health check's program must be installed, with mode 0755: `/usr/libexec/NAME/health-check`.
pub fn health_check_path(name: &PackageName) -> String {
    format!("/usr/libexec/{name}/health-check")
}

/// Renders everything that the package has, except for the health check's program.
///
/// # Errors
/// When a template has a mistake or uses an unknown variable, a file of the app or a template of the project cannot be
/// read, or a link in the app's folder leads out of it.
pub fn package_files(stack: &Stack) -> Result<Rendered, RenderError> {
    let mut templates = Templates::of_project(&stack.folder, &Context::of(stack))?;
    templates.add_part(template!("debian/purge-database"))?;
    templates.add_part(template!("nginx/health-report"))?;
    let name = &stack.package.name;

    let mut payload = Payload::default();
    let mut conffiles = Vec::new();
    for (template, path, mode, kind) in destinations(stack) {
        payload.add_file(&path, Content::Bytes(templates.render(template)?.into_bytes()), mode)?;
        if kind == FileKind::Conffile {
            conffiles.push(path);
        }
    }
    conffiles.sort();
    let (path, changelog) = papers::changelog(stack)?;
    payload.add_file(&path, Content::Bytes(changelog), 0o644)?;
    app::add(&mut payload, &stack.app.folder, &format!("/usr/share/{name}"))?;
    // Empty: the administrator puts programs there.
    payload.add_folder(&format!("/etc/{name}/balancers.d"), 0o755)?;
    payload.add_folder(&format!("/etc/{name}/health-alert.d"), 0o755)?;

    let scripts = Scripts {
        preinst: templates.render_own("debian/preinst")?,
        postinst: Some(templates.render(template!("debian/postinst"))?),
        prerm: Some(templates.render(template!("debian/prerm"))?),
        postrm: Some(templates.render(template!("debian/postrm"))?),
    };
    let (depends, recommends) = (relations::depends(stack)?, relations::recommends()?);
    Ok(Rendered { payload, conffiles, scripts, depends, recommends })
}

/// Each file that is made from a template: the template, and the path, mode and kind of the file.
fn destinations(stack: &Stack) -> Vec<(Template, String, u32, FileKind)> {
    use FileKind::{Conffile, Plain};
    let name = &stack.package.name;
    let unit = |suffix: &str| format!("/usr/lib/systemd/system/{name}{suffix}");
    // Drop-ins are read in the order of their names: this one before `override.conf`, which `systemctl edit` writes.
    let drop_in = |of: &str| format!("/usr/lib/systemd/system/{of}.d/10-{name}.conf");
    let mut all = vec![
        (template!("units/nginx.conf"), drop_in("nginx.service"), 0o644, Plain),
        (template!("units/app.socket"), unit(".socket"), 0o644, Plain),
        (template!("units/app.service"), unit(".service"), 0o644, Plain),
        (template!("units/secret.service"), unit("-secret.service"), 0o644, Plain),
        (template!("units/health.service"), unit("-health.service"), 0o644, Plain),
        (template!("units/health-alert.service"), unit("-health-alert.service"), 0o644, Plain),
        (template!("units/health.timer"), unit("-health.timer"), 0o644, Plain),
        (template!("nginx/site.conf"), format!("/etc/nginx/sites-available/{name}"), 0o644, Conffile),
        // It may have passwords. postinst adds the group of the app.
        (template!("debian/app.env"), format!("/etc/{name}/{name}.env"), 0o640, Conffile),
        (template!("debian/gunicorn.conf.py"), format!("/etc/{name}/gunicorn.conf.py"), 0o644, Conffile),
        (template!("debian/health.toml"), format!("/etc/{name}/health.toml"), 0o644, Conffile),
        (template!("debian/health-alert"), format!("/usr/libexec/{name}/health-alert"), 0o755, Plain),
        (template!("debian/make-secret"), format!("/usr/libexec/{name}/make-secret"), 0o755, Plain),
        (template!("debian/await-app"), format!("/usr/libexec/{name}/await-app"), 0o755, Plain),
        (template!("debian/maintenance"), format!("/usr/libexec/{name}/maintenance"), 0o755, Plain),
        (template!("debian/data"), format!("/usr/libexec/{name}/data"), 0o755, Plain),
        (template!("debian/data_stack.py"), format!("/usr/libexec/{name}/data_stack.py"), 0o644, Plain),
        (template!("debian/data_files.py"), format!("/usr/libexec/{name}/data_files.py"), 0o644, Plain),
        (template!("debian/data_postgresql.py"), format!("/usr/libexec/{name}/data_postgresql.py"), 0o644, Plain),
        (template!("debian/data_settings.py"), format!("/usr/libexec/{name}/data_settings.py"), 0o644, Plain),
        (template!("debian/data_restore.py"), format!("/usr/libexec/{name}/data_restore.py"), 0o644, Plain),
        (template!("debian/data_swap.py"), format!("/usr/libexec/{name}/data_swap.py"), 0o644, Plain),
        (template!("debian/logrotate"), format!("/etc/logrotate.d/{name}"), 0o644, Conffile),
        (template!("debian/lintian-overrides"), format!("/usr/share/lintian/overrides/{name}"), 0o644, Plain),
        (template!("debian/sysusers.conf"), format!("/usr/lib/sysusers.d/{name}.conf"), 0o644, Plain),
        (template!("debian/tmpfiles.conf"), format!("/usr/lib/tmpfiles.d/{name}.conf"), 0o644, Plain),
        (template!("debian/copyright"), format!("/usr/share/doc/{name}/copyright"), 0o644, Plain),
    ];
    if stack.database.is_some() {
        all.push((template!("units/postgresql.conf"), drop_in("postgresql@.service"), 0o644, Plain));
        all.push((template!("units/database-role.service"), unit("-database-role.service"), 0o644, Plain));
        all.push((template!("units/database-setup.service"), unit("-database-setup.service"), 0o644, Plain));
        all.push((template!("units/database.service"), unit("-database.service"), 0o644, Plain));
        let scripts = [
            (template!("debian/database-settings"), "database-settings"),
            (template!("debian/make-database"), "make-database"),
            (template!("debian/make-database-role"), "make-database-role"),
            (template!("debian/provision-database"), "provision-database"),
        ];
        all.extend(
            scripts.map(|(template, program)| (template, format!("/usr/libexec/{name}/{program}"), 0o755, Plain)),
        );
    }
    all
}
