//! Which templates a stack has, and where the file of each is on a server.

use super::destination::{Destination, FileKind};
use super::template::{Template, template};
use super::{further_packages, papers, process, server};
use crate::stack::{AppKind, Listen, Stack, Tls};

/// The templates that are parts of others.
pub(super) const PARTS: [Template; 11] = [
    template!("debian/database-connection"),
    template!("debian/purge-database"),
    template!("debian/restart-app"),
    further_packages::SET_OWNER,
    server::PROCESSES,
    template!("nginx/app"),
    template!("nginx/files"),
    template!("nginx/files-health"),
    template!("nginx/health-report"),
    template!("nginx/static-files"),
    template!("units/sandbox"),
];

/// Every template of a package, whether this stack uses it or not.
pub(super) fn template_names() -> Vec<&'static str> {
    let files = files("NAME").into_iter().chain(files_of_processes("NAME")).chain(files_of_static("NAME"));
    let files = files.chain(files_of_python("NAME")).chain(files_of_exec("NAME", Listen::Path));
    let files = files.chain(files_of_database("NAME")).chain(files_of_release("NAME"));
    let files = files.chain(server::all_files("NAME")).chain(files_of_valkey("NAME"));
    let files = files.chain(files_of_tls("NAME")).chain(files_of_acme("NAME"));
    let scripts = ["debian/preinst", "debian/postinst", "debian/prerm", "debian/postrm"];
    let files = files.map(|(template, ..)| template.name);
    let files = files.chain([papers::MANUAL.name, further_packages::POSTINST.name]);
    let parts = PARTS.map(|part| part.name);
    files.chain(process::TEMPLATES.map(|template| template.name)).chain(scripts).chain(parts).collect()
}

/// Each file of a stack that is made from a template.
pub(super) fn destinations(stack: &Stack) -> Vec<Destination> {
    let name = stack.package.name.as_str();
    let mut all = files(name);
    if stack.database.is_some() {
        all.extend(files_of_database(name));
    }
    if stack.services.valkey.is_some() {
        all.extend(files_of_valkey(name));
    }
    match &stack.app.kind {
        AppKind::Python(app) => {
            all.extend(files_of_processes(name));
            all.extend(files_of_python(name));
            all.extend(server::files(name, app));
        }
        AppKind::Exec(program) => {
            all.extend(files_of_processes(name));
            all.extend(files_of_exec(name, program.listen));
        }
        AppKind::Static(_) => all.extend(files_of_static(name)),
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
        (template!("units/health.service"), unit("-health.service"), 0o644, Plain),
        (template!("units/health-alert.service"), unit("-health-alert.service"), 0o644, Plain),
        (template!("units/health.timer"), unit("-health.timer"), 0o644, Plain),
        (template!("nginx/site.conf"), format!("/etc/nginx/sites-available/{name}"), 0o644, Conffile),
        (template!("debian/health.toml"), format!("/etc/{name}/health.toml"), 0o644, Conffile),
        (template!("debian/health-alert"), format!("/usr/libexec/{name}/health-alert"), 0o755, Plain),
        (template!("debian/logrotate"), format!("/etc/logrotate.d/stackdeb-{name}"), 0o644, Conffile),
        (template!("debian/lintian-overrides"), format!("/usr/share/lintian/overrides/{name}"), 0o644, Plain),
        (template!("debian/sysusers.conf"), format!("/usr/lib/sysusers.d/stackdeb-{name}.conf"), 0o644, Plain),
        (template!("debian/tmpfiles.conf"), format!("/usr/lib/tmpfiles.d/stackdeb-{name}.conf"), 0o644, Plain),
        (template!("debian/copyright"), format!("/usr/share/doc/{name}/copyright"), 0o644, Plain),
    ]
}

/// The file of variables. It may have passwords; postinst adds the group of the app.
fn environment(name: &str, template: Template) -> Destination {
    (template, format!("/etc/{name}/{name}.env"), 0o640, FileKind::Conffile)
}

/// The files that a stack with programs of its own has as well: what runs, stops and saves them.
fn files_of_processes(name: &str) -> Vec<Destination> {
    use FileKind::Plain;
    let unit = |suffix| unit(name, suffix);
    let program = |program| format!("/usr/libexec/{name}/{program}");
    vec![
        (template!("units/run.conf"), drop_in(name, &format!("{name}-run@.service")), 0o644, Plain),
        (template!("units/secret.service"), unit("-secret.service"), 0o644, Plain),
        environment(name, template!("debian/app.env")),
        (template!("debian/run"), format!("/usr/bin/{name}"), 0o755, Plain),
        (template!("debian/make-secret"), program("make-secret"), 0o755, Plain),
        (template!("debian/await-app"), program("await-app"), 0o755, Plain),
        (template!("debian/maintenance"), program("maintenance"), 0o755, Plain),
        (template!("debian/data"), program("data"), 0o755, Plain),
        (template!("debian/data_stack.py"), program("data_stack.py"), 0o644, Plain),
        (template!("debian/data_files.py"), program("data_files.py"), 0o644, Plain),
        (template!("debian/data_postgresql.py"), program("data_postgresql.py"), 0o644, Plain),
        (template!("debian/data_settings.py"), program("data_settings.py"), 0o644, Plain),
        (template!("debian/data_restore.py"), program("data_restore.py"), 0o644, Plain),
        (template!("debian/data_swap.py"), program("data_swap.py"), 0o644, Plain),
        (template!("debian/data_valkey.py"), program("data_valkey.py"), 0o644, Plain),
    ]
}

/// The socket that systemd holds.
fn socket(name: &str) -> Destination {
    (template!("units/app.socket"), unit(name, ".socket"), 0o644, FileKind::Plain)
}

/// The units of a Python application.
fn files_of_python(name: &str) -> Vec<Destination> {
    vec![socket(name), (template!("units/app.service"), unit(name, ".service"), 0o644, FileKind::Plain)]
}

/// The units of a program in any language.
fn files_of_exec(name: &str, listen: Listen) -> Vec<Destination> {
    let mut all = vec![(template!("units/program.service"), unit(name, ".service"), 0o644, FileKind::Plain)];
    if listen == Listen::Socket {
        all.push(socket(name));
    }
    all
}

/// The files that only a site of files has.
fn files_of_static(name: &str) -> Vec<Destination> {
    vec![environment(name, template!("debian/site.env"))]
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
