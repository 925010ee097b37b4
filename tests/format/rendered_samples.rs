//! Stacks of every kind, their rendered packages, and what reads from these: what the tests of rendered files have in common.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stackdeb::control::Relations;
use stackdeb::deb::{Content, PayloadEntry};
use stackdeb::render::{RenderedPackage, package_files};
use stackdeb::stack::{
    AppKind, CommandLine, Listen, ProcessLimits, Program, ProgramOrigin, Services, Site, Stack, StaticSite, Timer, Tls,
    Worker,
};
use tempfile::TempDir;

use support::source_folder;
use support::stack::{python, stack};

pub fn command(program: &str, arguments: &[&str]) -> CommandLine {
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    CommandLine { program: program.to_owned(), arguments }
}

/// The guest book with workers and timers.
pub fn larger_stack(folder: &Path) -> Stack {
    let mut stack = stack(folder);
    let limits =
        |memory: &str, quota: &str| ProcessLimits { memory_max: Some(memory.into()), cpu_quota: Some(quota.into()) };
    stack.app.limits = limits("75%", "150%");
    stack.workers = vec![Worker {
        name: "mail".to_owned(),
        command: command("sh", &["-c", "exec python \"work.py\" 50% $WORKER_NUMBER \\ 'it''s'"]),
        processes: 2,
        stop_timeout: "5min".to_owned(),
        limits: limits("512M", "50%"),
    }];
    stack.timers = vec![Timer {
        name: "tidy".to_owned(),
        command: command("python3", &["tidy.py"]),
        schedule: "Mon..Fri *:0/15 Europe/Berlin".to_owned(),
        stop_timeout: "90s".to_owned(),
        limits: ProcessLimits::default(),
    }];
    stack
}

/// The same without what can be left out, on another port.
pub fn smaller_stack(folder: &Path) -> Stack {
    let mut stack = larger_stack(folder);
    stack.app.limits = ProcessLimits::default();
    stack.timers.clear();
    stack.app.release_command = None;
    stack.package.homepage = None;
    python(&mut stack).workers = Some(3);
    stack.app.environment.clear();
    stack.site = Site { port: 8080, server_names: vec!["_".to_owned()], max_body_size: "0".to_owned(), ..stack.site };
    stack.database = None;
    stack
}

pub fn no_templates() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub fn both() -> [RenderedPackage; 2] {
    let folder = no_templates();
    [larger_stack(folder.path()), smaller_stack(folder.path())].map(|stack| package_files(&stack).unwrap())
}

/// Sites of files alone: the plainest, and one with names, HTTPS and a page for all paths.
pub fn without_programs() -> [RenderedPackage; 2] {
    let folder = no_templates();
    let plain = static_stack(folder.path());
    let mut named = static_stack(folder.path());
    if let AppKind::Static(site) = &mut named.app.kind {
        site.fallback = Some("/index.html".to_owned());
    }
    named.site.server_names = vec!["www.example.org".to_owned()];
    named.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    [plain, named].map(|stack| package_files(&stack).unwrap())
}

/// The guest book as a program in another language, with each way to listen.
pub fn programs() -> [RenderedPackage; 3] {
    let folder = no_templates();
    [Listen::Socket, Listen::Port(8000), Listen::Path]
        .map(|listen| package_files(&exec_stack(folder.path(), listen)).unwrap())
}

pub fn exec_stack(folder: &Path, listen: Listen) -> Stack {
    let mut stack = larger_stack(folder);
    let command = command("node", &["server.js", "50%", "$HOME"]);
    stack.app.kind = AppKind::Exec(Program { command, listen, jit: None, origin: ProgramOrigin::Folder });
    (stack.app.folder, stack.app.depends) =
        (source_folder().join("examples/tally-node/app"), "nodejs".parse().unwrap());
    stack.database = None;
    stack
}

/// The guest book as files alone.
pub fn static_stack(folder: &Path) -> Stack {
    let mut stack = smaller_stack(folder);
    let app = source_folder().join("examples/leaflet/site");
    (stack.workers, stack.services) = (Vec::new(), Services::default());
    stack.app.kind = AppKind::Static(StaticSite { publish: PathBuf::new(), fallback: None });
    (stack.app.folder, stack.app.depends) = (app, Relations::default());
    stack.package.depends = Relations::default();
    stack
}

/// The same with HTTPS: with a certificate of an authority, and with files of the administrator's.
pub fn with_https() -> [RenderedPackage; 2] {
    let folder = no_templates();
    let (mut acme, mut files) = (stack(folder.path()), smaller_stack(folder.path()));
    let (email, server) = (Some("o'neill@example.org".to_owned()), "https://acme.example.org/directory".to_owned());
    acme.site.tls = Tls::Acme { email, server };
    let (certificate, key) = ("/etc/ssl/a.pem".to_owned(), "/etc/ssl/private/a.key".to_owned());
    files.site.tls = Tls::Files { certificate, key };
    [acme, files].map(|stack| package_files(&stack).unwrap())
}

pub fn bytes(content: &Content) -> Vec<u8> {
    match content {
        Content::Bytes(bytes) => bytes.clone(),
        Content::File(path) => fs::read(path).unwrap(),
    }
}

/// A regular file of the package.
pub struct PackedFile {
    pub path: String,
    pub bytes: Vec<u8>,
    pub mode: u32,
}

/// Every regular file, in the order of their paths.
pub fn files(rendered: &RenderedPackage) -> Vec<PackedFile> {
    let file = |(path, entry): (&str, &PayloadEntry)| match entry {
        PayloadEntry::File { content, mode } => {
            Some(PackedFile { path: path.to_owned(), bytes: bytes(content), mode: *mode })
        }
        PayloadEntry::Folder { .. } | PayloadEntry::Symlink { .. } => None,
    };
    rendered.payload.entries().into_iter().filter_map(file).collect()
}

pub fn text_of(rendered: &RenderedPackage, path: &str) -> String {
    match rendered.payload.get(path) {
        Some(PayloadEntry::File { content, .. }) => String::from_utf8(bytes(content)).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

/// The maintainer scripts and the installed shell scripts, with a name for each.
pub fn shell_scripts(rendered: &RenderedPackage) -> Vec<(String, String)> {
    let scripts = &rendered.scripts;
    assert!(scripts.preinst.is_none());
    let maintainer = [("postinst", &scripts.postinst), ("prerm", &scripts.prerm), ("postrm", &scripts.postrm)];
    let mut all: Vec<_> = maintainer.map(|(name, text)| (name.to_owned(), text.clone().unwrap())).into();
    for file in files(rendered) {
        if file.bytes.starts_with(b"#!/bin/sh") {
            all.push((file.path, String::from_utf8(file.bytes).unwrap()));
        }
    }
    all
}

/// Runs a program of the package `package`.
pub fn run(package: &str, command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{command:?}: {error}: the package {package} is needed"))
}

pub fn assert_silent(package: &str, command: &mut Command) {
    let output = run(package, command);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?} ended with {}:\n{said}", output.status);
}
