//! What the package's files say about who may do what: the app's user, root, and those who are neither.

use stackdeb::deb::{Content, Entry};
use stackdeb::render::package_files;
use stackdeb::stack::Stack;
use support::stack::stack;

/// A file that is made from a template.
struct File {
    path: String,
    text: String,
    mode: u32,
}

fn files(stack: &Stack) -> Vec<File> {
    let rendered = package_files(stack).unwrap();
    let file = |(path, entry): (&str, &Entry)| match entry {
        Entry::File { content: Content::Bytes(bytes), mode } => {
            Some(File { path: path.to_owned(), text: String::from_utf8(bytes.clone()).ok()?, mode: *mode })
        }
        _ => None,
    };
    rendered.payload.entries().into_iter().filter_map(file).collect()
}

/// The files with a database and without.
fn both() -> [Vec<File>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let with_database = stack(folder.path());
    let without = Stack { database: None, ..with_database.clone() };
    [files(&with_database), files(&without)]
}

/// A program of root or of PostgreSQL's administrator that runs with the app's variables runs what they name: LD_PRELOAD.
#[test]
fn the_environment_file_is_for_units_of_the_app_alone() {
    for files in both() {
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
    for files in both() {
        let mut modes = files.iter().filter(|file| file.path.starts_with("/etc/"));
        assert!(modes.all(|file| (file.mode == 0o640) == (file.path == "/etc/guest-book/guest-book.env")));
    }
}

/// No unit of ours, and neither nginx nor PostgreSQL, reaches the service that has the user data with its secrets.
#[test]
fn no_unit_reaches_the_metadata_service() {
    for files in both() {
        let in_units = |file: &&File| file.path.starts_with("/usr/lib/systemd/system/");
        let runs = |file: &&File| file.path.ends_with(".service") || file.path.ends_with(".conf");
        for File { path, text, .. } in files.iter().filter(in_units).filter(runs) {
            let denied = text.lines().find_map(|line| line.strip_prefix("IPAddressDeny=")).unwrap_or_default();
            assert!(["169.254.169.254 fd00:a9fe:a9fe::1", "any"].contains(&denied), "{path}: `{denied}`");
        }
    }
}
