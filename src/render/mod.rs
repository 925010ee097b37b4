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
mod libraries;
mod overrides;
mod papers;
mod process;
pub mod programs;
mod relations;
mod server;
pub mod static_files;
mod template;
pub mod terraform;
pub mod user_data;

use std::fs;
use std::path::Path;

use crate::control::{PackageName, Relations};
use crate::deb::{Content, Payload, Scripts};
use crate::python::Libraries;
use crate::stack::{AppKind, Stack, Tls, migration_names};

pub use app::{AppNotes, LeftOut, Rule};
pub use error::RenderError;

use context::Context;
use template::{Template, Templates, template};

/// All that the package of a stack consists of, except for the health-check binary.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Files, folders and symbolic links.
    pub payload: Payload,
    /// The files that the administrator may edit: dpkg asks before it replaces an edited one (deb-conffiles(5)). In
    /// the order of their paths.
    pub conffiles: Vec<String>,
    /// The maintainer scripts. There is a preinst only if the project has the template `debian/preinst`.
    pub scripts: Scripts,
    /// The packages without which the stack does not run; those of the health-check binary are not among them.
    pub depends: Relations,
    /// The packages that a server should have as well.
    pub recommends: Relations,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
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
    package_files_with(stack, &Libraries::default())
}

/// The same with libraries from the Python Package Index.
///
/// # Errors
/// As [`package_files`], and when two libraries, or a library and the stack, have one file.
pub fn package_files_with(stack: &Stack, libraries: &Libraries) -> Result<Rendered, RenderError> {
    overrides::check(&stack.folder, &template_names())?;
    let mut templates = Templates::of_project(&stack.folder, &Context::of(stack, libraries))?;
    templates.add_part(template!("debian/purge-database"))?;
    templates.add_part(template!("debian/database-connection"))?;
    templates.add_part(server::PROCESSES)?;
    templates.add_part(template!("nginx/health-report"))?;
    templates.add_part(template!("units/sandbox"))?;
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
    for (path, text) in process::units(stack, libraries, &templates)? {
        payload.add_file(&path, Content::Bytes(text.into_bytes()), 0o644)?;
    }
    let manual = papers::compressed(&templates.render(papers::MANUAL)?)?;
    payload.add_file(&format!("/usr/share/man/man1/{name}.1.gz"), Content::Bytes(manual), 0o644)?;
    let (path, changelog) = papers::changelog(stack)?;
    payload.add_file(&path, Content::Bytes(changelog), 0o644)?;
    let of_app = app::add(&mut payload, stack, &app_folder(name))?;
    check_migrations(stack, &payload)?;
    let notes = AppNotes { site: static_files::add(&mut payload, stack)?, ..of_app };
    libraries::add(&mut payload, stack, libraries)?;
    programs::add(stack, &mut payload)?;
    programs::check(stack, &payload)?;
    // Empty: the administrator puts programs there.
    payload.add_folder(&format!("/etc/{name}/balancers.d"), 0o755)?;
    payload.add_folder(&format!("/etc/{name}/health-alert.d"), 0o755)?;

    let scripts = Scripts {
        preinst: templates.render_own("debian/preinst")?,
        postinst: Some(templates.render(template!("debian/postinst"))?),
        prerm: Some(templates.render(template!("debian/prerm"))?),
        postrm: Some(templates.render(template!("debian/postrm"))?),
    };
    let (depends, recommends) = (relations::depends(stack, libraries)?, relations::recommends()?);
    Ok(Rendered { payload, conffiles, scripts, depends, recommends, notes })
}

/// The part of the package that the app's own programs need: its files, its libraries, and the folders of programs. What of
/// the app is left out comes with it.
///
/// # Errors
/// As [`package_files_with`].
pub fn app_files(stack: &Stack, libraries: &Libraries) -> Result<(Payload, AppNotes), RenderError> {
    let mut payload = Payload::default();
    let notes = app::add(&mut payload, stack, &app_folder(&stack.package.name))?;
    libraries::add(&mut payload, stack, libraries)?;
    programs::add(stack, &mut payload)?;
    Ok((payload, notes))
}

/// Where the app's files are on a server.
pub fn app_folder(name: &PackageName) -> String {
    format!("/usr/share/{name}")
}

/// Checks that each migration is packed: one that a rule or `[app] exclude` leaves out would never be run.
fn check_migrations(stack: &Stack, payload: &Payload) -> Result<(), RenderError> {
    let Some(folder) = stack.database.as_ref().and_then(|database| database.migrations.as_ref()) else {
        return Ok(());
    };
    let app = &stack.app.folder;
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| RenderError::Unreadable { path: path.display().to_string(), source })
    };
    for name in migration_names(&app.join(folder))? {
        let file = folder.join(name);
        // The folder may be a link to another one of the app.
        let is_packed = real(&app.join(&file))?.strip_prefix(real(app)?).is_ok_and(|inside| {
            payload.get(&format!("/usr/share/{}/{}", stack.package.name, inside.display())).is_some()
        });
        if !is_packed {
            return Err(RenderError::MigrationNotPacked(file.display().to_string()));
        }
    }
    Ok(())
}

/// Every template of a package, whether this stack uses it or not.
fn template_names() -> Vec<&'static str> {
    let files = files("NAME").into_iter().chain(files_of_database("NAME")).chain(files_of_release("NAME"));
    let files = files.chain(server::all_files("NAME")).chain(files_of_valkey("NAME"));
    let files = files.chain(files_of_tls("NAME")).chain(files_of_acme("NAME"));
    let scripts = ["debian/preinst", "debian/postinst", "debian/prerm", "debian/postrm"];
    let parts = [
        "debian/database-connection",
        "debian/purge-database",
        server::PROCESSES.name,
        "nginx/health-report",
        "units/sandbox",
    ];
    let files = files.map(|(template, ..)| template.name);
    let files = files.chain([papers::MANUAL.name]);
    files.chain(process::TEMPLATES.map(|template| template.name)).chain(scripts).chain(parts).collect()
}

/// A file that is made from a template: the template, and the path, mode and kind of the file.
type Destination = (Template, String, u32, FileKind);

/// Each file of a stack that is made from a template.
fn destinations(stack: &Stack) -> Vec<Destination> {
    let name = stack.package.name.as_str();
    let mut all = files(name);
    if stack.database.is_some() {
        all.extend(files_of_database(name));
    }
    if stack.services.valkey.is_some() {
        all.extend(files_of_valkey(name));
    }
    match &stack.app.kind {
        AppKind::Python(app) => all.extend(server::files(name, app)),
    }
    if stack.app.release_command.is_some() {
        all.extend(files_of_release(name));
    }
    if stack.site.has_tls() {
        all.extend(files_of_tls(name));
    }
    if matches!(stack.site.tls, Tls::Acme { .. }) {
        all.extend(files_of_acme(name));
    }
    all
}

fn unit(name: &str, suffix: &str) -> String {
    format!("/usr/lib/systemd/system/{name}{suffix}")
}

/// Drop-ins are read in the order of their names: this one before `override.conf`, which `systemctl edit` writes.
fn drop_in(name: &str, of: &str) -> String {
    format!("/usr/lib/systemd/system/{of}.d/10-{name}.conf")
}

/// The files of every stack. In a folder that other packages use as well, a name begins with `stackdeb-`: systemd itself
/// has files such as `/usr/lib/tmpfiles.d/home.conf`.
fn files(name: &str) -> Vec<Destination> {
    use FileKind::{Conffile, Plain};
    let unit = |suffix| unit(name, suffix);
    vec![
        (template!("units/nginx.conf"), drop_in(name, "nginx.service"), 0o644, Plain),
        (template!("units/run.conf"), drop_in(name, &format!("{name}-run@.service")), 0o644, Plain),
        (template!("units/app.socket"), unit(".socket"), 0o644, Plain),
        (template!("units/app.service"), unit(".service"), 0o644, Plain),
        (template!("units/secret.service"), unit("-secret.service"), 0o644, Plain),
        (template!("units/health.service"), unit("-health.service"), 0o644, Plain),
        (template!("units/health-alert.service"), unit("-health-alert.service"), 0o644, Plain),
        (template!("units/health.timer"), unit("-health.timer"), 0o644, Plain),
        (template!("nginx/site.conf"), format!("/etc/nginx/sites-available/{name}"), 0o644, Conffile),
        // It may have passwords. postinst adds the group of the app.
        (template!("debian/app.env"), format!("/etc/{name}/{name}.env"), 0o640, Conffile),
        (template!("debian/health.toml"), format!("/etc/{name}/health.toml"), 0o644, Conffile),
        (template!("debian/health-alert"), format!("/usr/libexec/{name}/health-alert"), 0o755, Plain),
        (template!("debian/run"), format!("/usr/bin/{name}"), 0o755, Plain),
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
        (template!("debian/data_valkey.py"), format!("/usr/libexec/{name}/data_valkey.py"), 0o644, Plain),
        (template!("debian/logrotate"), format!("/etc/logrotate.d/stackdeb-{name}"), 0o644, Conffile),
        (template!("debian/lintian-overrides"), format!("/usr/share/lintian/overrides/{name}"), 0o644, Plain),
        (template!("debian/sysusers.conf"), format!("/usr/lib/sysusers.d/stackdeb-{name}.conf"), 0o644, Plain),
        (template!("debian/tmpfiles.conf"), format!("/usr/lib/tmpfiles.d/stackdeb-{name}.conf"), 0o644, Plain),
        (template!("debian/copyright"), format!("/usr/share/doc/{name}/copyright"), 0o644, Plain),
    ]
}

/// The files that a stack with Valkey has as well.
fn files_of_valkey(name: &str) -> Vec<Destination> {
    use FileKind::{Conffile, Plain};
    vec![
        (template!("units/valkey.service"), unit(name, "-valkey.service"), 0o644, Plain),
        (template!("debian/valkey.conf"), format!("/etc/{name}/valkey.conf"), 0o644, Conffile),
    ]
}

/// The files that a stack with a release command has as well.
fn files_of_release(name: &str) -> Vec<Destination> {
    vec![
        (template!("units/release.service"), unit(name, "-release.service"), 0o644, FileKind::Plain),
        (template!("debian/release"), format!("/usr/libexec/{name}/release"), 0o755, FileKind::Plain),
    ]
}

/// The files that a stack with a database has as well.
fn files_of_database(name: &str) -> Vec<Destination> {
    use FileKind::Plain;
    let unit = |suffix| unit(name, suffix);
    let program = |program| format!("/usr/libexec/{name}/{program}");
    vec![
        (template!("units/postgresql.conf"), drop_in(name, "postgresql@.service"), 0o644, Plain),
        (template!("units/database-role.service"), unit("-database-role.service"), 0o644, Plain),
        (template!("units/database-setup.service"), unit("-database-setup.service"), 0o644, Plain),
        (template!("units/database.service"), unit("-database.service"), 0o644, Plain),
        (template!("debian/database-settings"), program("database-settings"), 0o755, Plain),
        (template!("debian/make-database"), program("make-database"), 0o755, Plain),
        (template!("debian/make-database-role"), program("make-database-role"), 0o755, Plain),
        (template!("debian/provision-database"), program("provision-database"), 0o755, Plain),
    ]
}

/// The files that a stack with HTTPS has as well.
fn files_of_tls(name: &str) -> Vec<Destination> {
    let program = format!("/usr/libexec/{name}/make-certificate");
    vec![
        (template!("units/certificate.service"), unit(name, "-certificate.service"), 0o644, FileKind::Plain),
        (template!("debian/make-certificate"), program, 0o755, FileKind::Plain),
    ]
}

/// The files that a stack has as well whose certificate comes from an authority.
fn files_of_acme(name: &str) -> Vec<Destination> {
    let program = format!("/usr/libexec/{name}/obtain-certificate");
    vec![
        (template!("units/acme.service"), unit(name, "-acme.service"), 0o644, FileKind::Plain),
        (template!("units/acme.timer"), unit(name, "-acme.timer"), 0o644, FileKind::Plain),
        (template!("debian/obtain-certificate"), program, 0o755, FileKind::Plain),
    ]
}
