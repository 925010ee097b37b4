//! A stack whose values have in them whatever a checked value may have.

use std::path::{Path, PathBuf};

use stackdeb::control::Priority;
use stackdeb::deb::{Compression, Content, PayloadEntry};
use stackdeb::render::package_files;
use stackdeb::stack::{
    App, AppKind, AppServer, ChangelogEntry, CommandLine, Database, Health, Image, Interface, PackageInfo, PythonApp,
    Services, Site, Stack, Tls, Valkey,
};
use stackdeb::system::epoch::Epoch;

/// The text of a licence of its own.
pub const LICENSE: &str = "Permission is granted.\n\nNo warranty.\n";

/// A guest book, whose project is in `folder` and whose app is the one that ships with stackdeb.
pub fn stack(folder: &Path) -> Stack {
    let changelog = ChangelogEntry {
        version: "1.0.0".parse().unwrap(),
        date: Epoch::from_seconds(1_795_428_000).unwrap(),
        changes: vec!["The first release".to_owned(), "word ".repeat(40)],
    };
    Stack {
        folder: folder.to_owned(),
        package: PackageInfo {
            name: "guest-book".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            maintainer: "Jane Doe <jane@example.org>".to_owned(),
            summary: "100% \"guest\" book: it's $HOME's".to_owned(),
            description: "A book.\n\nFor guests.".to_owned(),
            homepage: Some("https://example.org/a%20b".to_owned()),
            section: "web".to_owned(),
            priority: Priority::Optional,
            copyright: vec!["2025 Jane Doe <jane@example.org>".to_owned(), "2026 John Doe".to_owned()],
            license: "Custom".to_owned(),
            license_text: Some(LICENSE.to_owned()),
            depends: "curl, python3".parse().unwrap(),
            relations: Default::default(),
            changelog: vec![changelog],
            compression: Compression::Xz,
        },
        app: App {
            folder: crate::source_folder().join("app"),
            kind: AppKind::Python(PythonApp {
                interface: Interface::Wsgi,
                server: AppServer::Gunicorn,
                module: "app:app".to_owned(),
                workers: None,
                threads: None,
            }),
            depends: "python3-flask (>= 2), python3-psycopg2".parse().unwrap(),
            requirements: None,
            from_debian: Default::default(),
            index: None,
            build_packages: stackdeb::control::Relations::default(),
            build_command: None,
            release_command: Some(CommandLine {
                program: "python".to_owned(),
                arguments: ["app.py", "--to", "it's $NEW"].map(str::to_owned).to_vec(),
            }),
            limits: Default::default(),
            environment: vec![("GREETING".to_owned(), "say \"hi\" for 5$ \\ `now` 'x' # y".to_owned())],
            include: Vec::new(),
            exclude: Vec::new(),
        },
        workers: Vec::new(),
        timers: Vec::new(),
        services: Services { valkey: Some(Valkey { memory_max: 256 << 20, eviction: "noeviction".to_owned() }) },
        site: Site {
            port: 80,
            server_names: vec!["www.example.org".to_owned(), "*.example.net".to_owned()],
            max_body_size: "10m".to_owned(),
            static_files: Vec::new(),
            tls: Tls::Off,
            behind: Vec::new(),
        },
        database: Some(Database { name: "guest_book".to_owned(), migrations: Some(PathBuf::from("migrations")) }),
        further_files: Vec::new(),
        further_packages: Vec::new(),
        health: Health { on_boot: "2min".to_owned(), interval: "10min".to_owned(), path: "/healthz".to_owned() },
        image: Image {
            suite: "trixie".to_owned(),
            mirror: None,
            security_mirror: None,
            snapshot_mirror: None,
            repository: None,
            keyring: None,
            hostname: "guest-book".to_owned(),
            packages: Default::default(),
            free_space: 0,
        },
        variants: Default::default(),
    }
}

/// What is particular to the Python application of that stack.
pub fn python(stack: &mut Stack) -> &mut PythonApp {
    match &mut stack.app.kind {
        AppKind::Python(app) => app,
        other => panic!("{other:?}"),
    }
}

/// A file of that stack's package, as text.
pub fn rendered_file(folder: &Path, path: &str) -> String {
    rendered_file_of(&stack(folder), path)
}

/// A file of a stack's package, as text.
pub fn rendered_file_of(stack: &Stack, path: &str) -> String {
    let rendered = package_files(stack).unwrap();
    match rendered.payload.get(path) {
        Some(PayloadEntry::File { content: Content::Bytes(bytes), .. }) => String::from_utf8(bytes.clone()).unwrap(),
        Some(PayloadEntry::File { content: Content::File(path), .. }) => std::fs::read_to_string(path).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}
