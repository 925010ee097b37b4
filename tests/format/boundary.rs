//! What the package's files say about who may do what: the app's user, root, and those who are neither.

use std::collections::BTreeSet;

use stackdeb::deb::{Content, PayloadEntry};
use stackdeb::render::package_files;
use stackdeb::stack::{
    AppKind, CommandLine, Listen, ProcessLimits, Program, ProgramOrigin, Site, Stack, Timer, Tls, Worker,
};
use support::stack::stack;

/// A file that is made from a template.
struct File {
    path: String,
    text: String,
    mode: u32,
}

fn files(stack: &Stack) -> Vec<File> {
    let rendered = package_files(stack).unwrap();
    let file = |(path, entry): (&str, &PayloadEntry)| match entry {
        PayloadEntry::File { content: Content::Bytes(bytes), mode } => {
            Some(File { path: path.to_owned(), text: String::from_utf8(bytes.clone()).ok()?, mode: *mode })
        }
        _ => None,
    };
    rendered.payload.entries().into_iter().filter_map(file).collect()
}

/// The files of stacks that have every kind of unit between them, and of one without a database.
fn stacks() -> Vec<Vec<File>> {
    let folder = tempfile::tempdir().unwrap();
    let plain = stack(folder.path());
    let command = CommandLine { program: "python3".to_owned(), arguments: vec!["mail.py".to_owned()] };
    let worker = Worker {
        name: "mail".to_owned(),
        command: command.clone(),
        processes: 2,
        stop_timeout: "1min".to_owned(),
        limits: ProcessLimits::default(),
    };
    let timer = Timer {
        name: "tidy".to_owned(),
        command,
        schedule: "daily".to_owned(),
        stop_timeout: "1min".to_owned(),
        limits: ProcessLimits::default(),
    };
    let server = "https://acme.example.org/directory".to_owned();
    let acme = Site { tls: Tls::Acme { email: None, server }, ..plain.site.clone() };
    let without = Stack { database: None, ..plain.clone() };
    let with_all = Stack { workers: vec![worker], timers: vec![timer], site: acme, ..plain.clone() };
    // A program in another language, instead of Gunicorn.
    let mut exec = with_all.clone();
    let program = CommandLine { program: "sh".to_owned(), arguments: vec!["server.sh".to_owned()] };
    exec.app.kind =
        AppKind::Exec(Program { command: program, listen: Listen::Path, jit: None, origin: ProgramOrigin::Folder });
    exec.app.folder = support::source_folder().join("app");
    let mut all: Vec<Vec<File>> = [&plain, &without, &with_all].map(files).into();
    // A new template of a unit needs a stack here that has it.
    let units = all.iter().flatten().filter(|file| file.path.ends_with(".service"));
    let distinct: BTreeSet<&str> = units.map(|file| file.path.as_str()).collect();
    let templates = std::fs::read_dir(support::source_folder().join("units")).unwrap();
    let templates =
        templates.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "service"));
    // The two processes of one worker are of one template, and one unit is made of either of two.
    assert_eq!(distinct.len(), templates.count(), "{distinct:?}");
    all.push(files(&exec));
    all
}

/// A program of root or of PostgreSQL's administrator that runs with the app's variables runs what they name: LD_PRELOAD.
#[test]
fn the_environment_file_is_for_units_of_the_app_alone() {
    for files in stacks() {
        let mut with_file = 0;
        for File { path, text, .. } in files.iter().filter(|file| file.path.ends_with(".service")) {
            let values = |key: &str| -> Vec<&str> { text.lines().filter_map(|line| line.strip_prefix(key)).collect() };
            let files = values("EnvironmentFile=");
            // systemd reads such a file as root, so only root may be able to put a link in its place.
            let of_root = [
                "/etc/guest-book/guest-book.env",
                "/etc/guest-book/database-admin.env",
                "/var/lib/guest-book/secret.env",
                "/run/guest-book/database.env",
            ];
            assert!(files.iter().all(|file| of_root.contains(&file.trim_start_matches('-'))), "{path}: {files:?}");
            if files.iter().any(|file| file.ends_with("/guest-book.env")) {
                with_file += 1;
                assert_eq!((values("User="), values("Group=")), (vec!["guest-book"], vec!["guest-book"]), "{path}");
                // The signs before a program's path (systemd.service(5)).
                let signs =
                    |line: &str| line.split_once('=').map(|(_, value)| value.split('/').next().unwrap().to_owned());
                let raised = text.lines().filter(|line| line.starts_with("Exec")).filter_map(signs);
                let raised: Vec<String> = raised.filter(|signs| signs.contains(['+', '!'])).collect();
                assert!(raised.is_empty(), "{path} has a program of root");
            }
        }
        assert!(with_file >= 2);
    }
}

#[test]
fn only_root_reads_the_environment_file_when_it_is_unpacked() {
    for files in stacks() {
        let mut modes = files.iter().filter(|file| file.path.starts_with("/etc/"));
        assert!(modes.all(|file| (file.mode == 0o640) == (file.path == "/etc/guest-book/guest-book.env")));
    }
}

/// No unit of ours, and neither nginx nor PostgreSQL, reaches the service that has the user data with its secrets.
#[test]
fn no_unit_reaches_the_metadata_service() {
    for files in stacks() {
        let in_units = |file: &&File| file.path.starts_with("/usr/lib/systemd/system/");
        let runs = |file: &&File| file.path.ends_with(".service") || file.path.ends_with(".conf");
        for File { path, text, .. } in files.iter().filter(in_units).filter(runs) {
            let denied = text.lines().find_map(|line| line.strip_prefix("IPAddressDeny=")).unwrap_or_default();
            assert!(["169.254.169.254 fd00:a9fe:a9fe::1", "any"].contains(&denied), "{path}: `{denied}`");
        }
    }
}
