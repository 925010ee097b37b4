//! `stackdeb check`: shows what `stack.toml` says and what would be built from it, or what is wrong with it. It writes no
//! file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use miette::IntoDiagnostic;
use serde_json::json;

use crate::stack::{self, Database, Stack};

/// Check stack.toml and show what would be built.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The project's folder, or its stack.toml
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Print JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// Reads the manifest and prints what would be built.
///
/// # Errors
/// When the manifest has mistakes, or the output can't be written.
pub fn run(args: &CheckArgs) -> miette::Result<()> {
    let stack = stack::load(&args.folder)?;
    let text = if args.json { as_json(&stack)? } else { as_lines(&stack) };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader (such as `head`) has closed the pipe: it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}

fn as_lines(stack: &Stack) -> String {
    let Stack { package, app, site, health, image, .. } = stack;
    let names = site.server_names.join(" ");
    let hosts = if names == "_" { "every host name".to_owned() } else { names };
    let workers = app.workers.map_or("workers by the machine".to_owned(), |number| format!("workers: {number}"));
    let threads = app.threads.map_or("threads likewise".to_owned(), |number| format!("threads: {number}"));
    let lines = [
        ("stack", format!("{} {}: {}", package.name, package.version, package.summary)),
        ("package", format!("dist/{}", stack.deb_file_name())),
        ("image", format!("dist/{}", stack.image_file_name())),
        ("", format!("{}, host name {}, {} MiB free", image.suite, image.hostname, image.free_space >> 20)),
        ("units", unit_names(stack).join(" ")),
        ("app", format!("{}, {workers}, {threads}", app.module)),
        ("depends", joined(&[app.depends.to_string(), package.depends.to_string()])),
        ("site", format!("port {}, {hosts}, bodies up to {}", site.port, site.max_body_size)),
        ("database", stack.database.as_ref().map_or("none".to_owned(), database_line)),
        ("health", format!("{}, {} after boot and every {}", health.path, health.on_boot, health.interval)),
    ];
    lines.iter().map(|(what, text)| format!("{what:<10}{text}\n")).collect()
}

fn unit_names(stack: &Stack) -> Vec<String> {
    stack.units().into_iter().map(|unit| unit.name).collect()
}

fn joined(fields: &[String]) -> String {
    let fields: Vec<&str> = fields.iter().map(String::as_str).filter(|field| !field.is_empty()).collect();
    if fields.is_empty() { "nothing beside what the stack itself needs".to_owned() } else { fields.join(", ") }
}

fn database_line(database: &Database) -> String {
    match &database.migrations {
        Some(folder) => format!("{}, migrations from {}", database.name, folder.display()),
        None => format!("{}, no migrations", database.name),
    }
}

fn as_json(stack: &Stack) -> miette::Result<String> {
    let Stack { package, app, site, health, image, .. } = stack;
    let database = stack.database.as_ref().map(|database| {
        let migrations = database.migrations.as_ref().map(|folder| folder.display().to_string());
        json!({ "name": database.name, "migrations": migrations })
    });
    let value = json!({
        "name": package.name,
        "version": package.version,
        "summary": package.summary,
        "maintainer": package.maintainer,
        "license": package.license,
        "package": stack.deb_file_name(),
        "image": stack.image_file_name(),
        "units": unit_names(stack),
        "depends": { "package": package.depends.to_string(), "app": app.depends.to_string() },
        "app": { "folder": app.folder.display().to_string(), "module": app.module, "workers": app.workers, "threads": app.threads },
        "site": { "port": site.port, "server-names": site.server_names, "max-body-size": site.max_body_size },
        "database": database,
        "health": { "on-boot": health.on_boot, "interval": health.interval, "path": health.path },
        "disk": { "suite": image.suite, "hostname": image.hostname, "packages": image.packages.to_string(), "free-space": image.free_space },
    });
    serde_json::to_string_pretty(&value).map(|text| text + "\n").into_diagnostic()
}
