//! `stackdeb check`: shows what `stack.toml` says and what would be built from it, or what is wrong with it. It puts the
//! package together as `stackdeb deb` does, so that whatever that one refuses is refused here. It writes no file of the project;
//! libraries are downloaded into the cache.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::check_packages;
use super::variant::VariantArgs;
use crate::build::built_package::CheckedStack;
use crate::build::check;
use crate::python::{Library, ProvidedLibrary};
use crate::render::LeftOut;
use crate::stack::{
    App, AppKind, Change, Database, Listen, Old, Program, PythonApp, Stack, StaticFiles, StaticSite, Timer, Tls,
    Variants, Worker, reference,
};
use crate::system::print;
use crate::system::progress::Reporter;

/// Check stack.toml and show what would be built.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub variant: VariantArgs,
}

/// Reads the manifest and prints what would be built.
///
/// # Errors
/// As [`check::check`].
pub fn run(args: &CheckArgs) -> miette::Result<()> {
    let stack = args.variant.load(&args.folder)?;
    let (checked, warnings) = check::check(&stack, Reporter::Stderr)?;
    match args.json {
        true => print::json(&as_json(&stack, &checked, &warnings)),
        false => print::text(&as_lines(&stack, &checked, &warnings)),
    }?;
    Ok(())
}

fn as_lines(stack: &Stack, checked: &CheckedStack, warnings: &[String]) -> String {
    let Stack { package, app, site, health, image, .. } = stack;
    let names = site.server_names.join(" ");
    let hosts = if names == "_" { "every host name".to_owned() } else { names };
    let pre_depends = package.relations.pre_depends.to_string();
    let lines = [
        ("stack", format!("{} {}: {}", package.name, package.version, package.summary)),
        ("variants", variants_line(&stack.variants)),
        ("package", format!("{}/{}", stack.shown_dist(), stack.deb_file_name())),
        ("", check_packages::lines(stack, &checked.further).join("\n          ")),
        ("image", format!("{}/{}", stack.shown_dist(), stack.image_file_name())),
        ("", format!("{}, host name {}, {} MiB free", image.suite, image.hostname, image.free_space >> 20)),
        ("units", unit_names(stack).join(" ")),
        ("app", app_line(&app.kind)),
        ("workers", processes_line(stack)),
        ("depends", joined(&[app.depends.to_string(), package.depends.to_string()])),
        ("", if pre_depends.is_empty() { String::new() } else { format!("before it is unpacked: {pre_depends}") }),
        ("site", format!("port {}, {hosts}, bodies up to {}", site.port, site.max_body_size)),
        ("", https_line(&site.tls)),
        ("", if site.behind.is_empty() { String::new() } else { format!("behind {}", site.behind.join(", ")) }),
        ("", static_line(&stack.static_files())),
        ("database", stack.database.as_ref().map_or("none".to_owned(), database_line)),
        ("health", format!("{}, {} after boot and every {}", health.path, health.on_boot, health.interval)),
    ];
    let lines = lines.into_iter().filter(|(_, text)| !text.is_empty());
    let library = |one: &Library| {
        let unfit = checked.libraries.unfit.iter().find(|(name, _)| *name == one.name);
        let why = unfit.map(|(_, reason)| format!(": {reason}")).unwrap_or_default();
        match one.note() {
            Some(note) => ("library", format!("{note}{why}")),
            None => ("library", format!("{} {} from the index, {}{why}", one.name, one.version, one.wheel.file)),
        }
    };
    let from_debian = checked.libraries.from_debian.iter().map(|one| {
        ("library", format!("{} from Debian, {} ({}): `{}`", one.name, one.package, one.relations, one.requirement))
    });
    let libraries = checked.libraries.all.iter().map(library).chain(from_debian);
    let left_out = checked.notes.left_out.iter().map(|one| ("left out", format!("{}: {}", shown(&one.path), one.rule)));
    let not_served = checked.notes.site.left_out.iter();
    let not_served =
        not_served.map(|one| ("left out", format!("{}: {}; nginx does not serve it", shown(&one.path), one.rule)));
    let warnings = warnings.iter().map(|warning| ("warning", warning.clone()));
    let changes = stack.variants.chosen.iter().flat_map(|variant| &variant.changes);
    let changes = changes.map(|change| ("changed", change_line(change)));
    lines
        .chain(changes)
        .chain(libraries)
        .chain(left_out)
        .chain(not_served)
        .chain(warnings)
        .map(|(what, text)| format!("{what:<10}{text}\n"))
        .collect()
}

/// How the app runs, in the words of one line of `check`.
fn app_line(kind: &AppKind) -> String {
    match kind {
        AppKind::Python(PythonApp { module, workers, threads, .. }) => {
            let workers = workers.map_or("workers by the machine".to_owned(), |number| format!("workers: {number}"));
            let threads = threads.map_or("threads by the machine".to_owned(), |number| format!("threads: {number}"));
            format!("{module}, {workers}, {threads}")
        }
        AppKind::Exec(Program { command, listen, .. }) => match listen {
            Listen::Socket => format!("{command}, on the socket of systemd"),
            Listen::Port(port) => format!("{command}, on 127.0.0.1:{port}"),
            Listen::Path => format!("{command}, on a Unix socket of its own"),
        },
        AppKind::Static(_) => "files alone, which nginx serves".to_owned(),
    }
}

fn app_value(app: &App) -> Value {
    let mut value = json!({ "folder": app.folder.display().to_string(), "memory-max": app.limits.memory_max, "cpu-quota": app.limits.cpu_quota });
    let own = match &app.kind {
        AppKind::Python(PythonApp { module, workers, threads, .. }) => {
            json!({ "module": module, "workers": workers, "threads": threads })
        }
        AppKind::Exec(Program { command, listen, .. }) => {
            let (listen, port) = match listen {
                Listen::Socket => ("socket", None),
                Listen::Port(port) => ("port", Some(port)),
                Listen::Path => ("path", None),
            };
            json!({ "command": command.to_string(), "listen": listen, "port": port })
        }
        AppKind::Static(StaticSite { publish, fallback }) => {
            json!({ "publish": publish.display().to_string(), "fallback": fallback })
        }
    };
    if let (Some(all), Value::Object(own)) = (value.as_object_mut(), own) {
        all.extend(own);
    }
    value
}

/// A line that names the chosen variant, or all variants if none was chosen. It is empty for a stack without variants.
fn variants_line(variants: &Variants) -> String {
    match &variants.chosen {
        None => variants.names.join(", "),
        Some(variant) => {
            format!("{} of {}, {} different", variant.name, variants.names.join(", "), variant.changes.len())
        }
    }
}

/// A key, its value without the variant, and the one with it. A value of TOML has no control characters.
fn change_line(Change { key, old, new }: &Change) -> String {
    let old = match old {
        Old::Written(value) => value.to_string(),
        Old::Default(value) => format!("{value} (the default)"),
        Old::Nothing => "not set".to_owned(),
    };
    format!("{}: {} → {}", key.escape_debug(), one_line(&old), one_line(&new.to_string()))
}

/// A text of several lines is written as TOML's `\"\"\"` over several lines.
fn one_line(value: &str) -> String {
    value.replace('\n', "\\n")
}

fn change_value(Change { key, old, new }: &Change) -> Value {
    let (value, source) = match old {
        Old::Written(value) => (reference::json(value), "stack.toml"),
        Old::Default(value) => (reference::json(value), "default"),
        Old::Nothing => (Value::Null, "not set"),
    };
    json!({ "key": key, "old": value, "old-from": source, "new": reference::json(new) })
}

/// A path of the app as it can be printed: file names may have control characters.
fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

fn unit_names(stack: &Stack) -> Vec<String> {
    stack.units().into_iter().map(|unit| unit.name).collect()
}

fn joined(fields: &[String]) -> String {
    let fields: Vec<&str> = fields.iter().map(String::as_str).filter(|field| !field.is_empty()).collect();
    if fields.is_empty() { "nothing beside what the stack itself needs".to_owned() } else { fields.join(", ") }
}

/// Whether there is HTTPS; empty when there is not.
fn https_line(tls: &Tls) -> String {
    match tls {
        Tls::Off => String::new(),
        Tls::SelfSigned => "HTTPS with the server's own certificate".to_owned(),
        Tls::Acme { server, .. } => format!("HTTPS with a certificate of {server}"),
        Tls::Files { certificate, key } => format!("HTTPS with {certificate} and {key}"),
    }
}

/// What nginx serves without the app; empty when there is nothing.
fn static_line(files: &[StaticFiles]) -> String {
    let one = |files: &StaticFiles| format!("{} from {}", files.path, shown(&files.folder));
    files.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn processes_line(stack: &Stack) -> String {
    let worker = |worker: &Worker| format!("{} ({} × {})", worker.name, worker.processes, worker.command);
    let timer = |timer: &Timer| format!("{} ({}: {})", timer.name, timer.schedule, timer.command);
    let all: Vec<String> = stack.workers.iter().map(worker).chain(stack.timers.iter().map(timer)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn database_line(database: &Database) -> String {
    match &database.migrations {
        Some(folder) => format!("{}, migrations from {}", database.name, folder.display()),
        None => format!("{}, no migrations", database.name),
    }
}

fn worker_value(worker: &Worker) -> Value {
    let Worker { name, command, processes, stop_timeout, limits } = worker;
    json!({
        "name": name, "command": command.to_string(), "processes": processes, "stop-timeout": stop_timeout,
        "memory-max": limits.memory_max, "cpu-quota": limits.cpu_quota,
    })
}

fn timer_value(timer: &Timer) -> Value {
    let Timer { name, command, schedule, stop_timeout, limits } = timer;
    json!({
        "name": name, "command": command.to_string(), "schedule": schedule, "stop-timeout": stop_timeout,
        "memory-max": limits.memory_max, "cpu-quota": limits.cpu_quota,
    })
}

fn as_json(stack: &Stack, checked: &CheckedStack, warnings: &[String]) -> Value {
    let Stack { package, app, site, health, image, .. } = stack;
    let database = stack.database.as_ref().map(|database| {
        let migrations = database.migrations.as_ref().map(|folder| folder.display().to_string());
        json!({ "name": database.name, "migrations": migrations })
    });
    let tls = match &site.tls {
        Tls::Off => json!("off"),
        Tls::SelfSigned => json!("self-signed"),
        Tls::Acme { email, server } => json!({ "acme-server": server, "email": email }),
        Tls::Files { certificate, key } => json!({ "certificate": certificate, "key": key }),
    };
    let static_one = |files: &StaticFiles| json!({ "path": files.path, "folder": files.folder.display().to_string() });
    let static_files: Vec<_> = stack.static_files().iter().map(static_one).collect();
    let library = |one: &Library| json!({ "name": one.name.to_string(), "version": one.version, "wheel": one.wheel.file, "source": one.built.as_ref().map(|built| &built.file), "sha256": one.sha256 });
    let provided = |one: &ProvidedLibrary| json!({ "name": one.name.to_string(), "package": one.package, "depends": one.relations.to_string(), "requirement": one.requirement });
    let left_out = |one: &LeftOut| json!({ "path": one.path.to_string_lossy(), "rule": one.rule.to_string() });
    json!({
        "name": package.name,
        "version": package.version,
        "summary": package.summary,
        "maintainer": package.maintainer,
        "license": package.license,
        "variant": stack.variant(),
        "variants": stack.variants.names,
        "changes": stack.variants.chosen.iter().flat_map(|variant| &variant.changes).map(change_value).collect::<Vec<_>>(),
        "folder": stack.shown_dist(),
        "package": stack.deb_file_name(),
        "further-packages": check_packages::values(stack, &checked.further),
        "image": stack.image_file_name(),
        "units": unit_names(stack),
        "pre-depends": package.relations.pre_depends.to_string(),
        "depends": { "package": package.depends.to_string(), "app": app.depends.to_string() },
        "app": app_value(app),
        "site": { "port": site.port, "server-names": site.server_names, "max-body-size": site.max_body_size, "static": static_files, "tls": tls, "behind": site.behind },
        "workers": stack.workers.iter().map(worker_value).collect::<Vec<_>>(),
        "timers": stack.timers.iter().map(timer_value).collect::<Vec<_>>(),
        "database": database,
        "health": { "on-boot": health.on_boot, "interval": health.interval, "path": health.path },
        "disk": { "suite": image.suite, "hostname": image.hostname, "packages": image.packages.to_string(), "free-space": image.free_space },
        "libraries": checked.libraries.all.iter().map(library).collect::<Vec<_>>(),
        "from-debian": checked.libraries.from_debian.iter().map(provided).collect::<Vec<_>>(),
        "left-out": checked.notes.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "not-served": checked.notes.site.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "warnings": warnings,
    })
}
