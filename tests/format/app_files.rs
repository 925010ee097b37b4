//! Which files of an app's folder are packed, which are left out by rule, and of which a user is warned.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use stackdeb::deb::PayloadEntry;
use stackdeb::render::{RenderError, RenderedPackage, package_files};
use stackdeb::stack::{Pattern, Stack};
use support::stack::stack;
use tempfile::TempDir;

/// An app with a module and nothing else. The project is empty.
struct App {
    project: TempDir,
    stack: Stack,
}

impl App {
    fn new() -> Self {
        let project = tempfile::tempdir().unwrap();
        let mut stack = stack(project.path());
        stack.app.folder = project.path().join("app");
        stack.database = None;
        fs::create_dir(&stack.app.folder).unwrap();
        let app = Self { project, stack };
        app.write("app.py", "app = None\n");
        app
    }

    fn folder(&self) -> &Path {
        &self.stack.app.folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn render(&self) -> RenderedPackage {
        package_files(&self.stack).unwrap()
    }

    /// The packed files and links, relative to the app's folder.
    fn packed(&self) -> BTreeSet<String> {
        let rendered = self.render();
        let files =
            rendered.payload.entries().into_iter().filter(|(_, entry)| !matches!(entry, PayloadEntry::Folder { .. }));
        files.filter_map(|(path, _)| path.strip_prefix("/usr/share/guest-book/")).map(str::to_owned).collect()
    }

    fn refusal(&self) -> String {
        package_files(&self.stack).unwrap_err().to_string()
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn rules_leave_out_what_belongs_to_no_server_and_say_so() {
    let app = App::new();
    for path in [
        "static/.well-known/security.txt",
        "sub/run",
        "sub/__pycache__/a.pyc",
        "b.pyc",
        "b.pyo",
        ".git/HEAD",
        ".env",
        "app.py~",
        "#app.py#",
        "dist/guest-book_0.9.0_amd64.deb",
        "dist/guest-book.deb",
        "guest-book-0.9.0-linode.img.gz",
        "dist/bundle.js",
        "app.py.orig",
        "sub/node_modules/left-pad/index.js",
        "htmlcov/index.html",
    ] {
        app.write(path, "");
    }
    fs::create_dir(app.folder().join("empty")).unwrap();
    let packed = set(&["app.py", "static/.well-known/security.txt", "sub/run", "dist/bundle.js"]);
    assert_eq!(app.packed(), packed);
    let left_out: Vec<String> =
        app.render().notes.left_out.iter().map(|one| format!("{}: {}", one.path.display(), one.rule)).collect();
    let expected = [
        "#app.py#: a backup of an editor or of patch",
        ".env: its name begins with a dot",
        ".git: its name begins with a dot",
        "app.py.orig: a backup of an editor or of patch",
        "app.py~: a backup of an editor or of patch",
        "b.pyc: Python makes it from the code",
        "b.pyo: Python makes it from the code",
        "dist/guest-book.deb: a package or an image that stackdeb has built",
        "dist/guest-book_0.9.0_amd64.deb: a package or an image that stackdeb has built",
        "guest-book-0.9.0-linode.img.gz: a package or an image that stackdeb has built",
        "htmlcov: a tool of the programmer makes it",
        "sub/__pycache__: Python makes it from the code",
        "sub/node_modules: packages of Node.js, which build a site's files and do not serve them",
    ];
    assert_eq!(left_out, expected);
    let said = app.render().notes.left_out_in_all();
    assert_eq!(
        said.first().map(String::as_str),
        Some("13 files and folders of the app are left out: `stackdeb check` says which, and why")
    );
    assert!(app.render().payload.get("/usr/share/guest-book/empty").is_some(), "an empty folder is packed");
}

#[test]
fn a_virtual_environment_is_left_out_as_a_whole() {
    let app = App::new();
    for option in ["--copies", "--symlinks"] {
        let place = app.folder().join(format!("venv{option}"));
        support::run(Command::new("python3").args(["-m", "venv", "--without-pip", option]).arg(place));
    }
    assert_eq!(app.packed(), set(&["app.py"]));
    // A link into one says what it leads to.
    app.link("python", "venv--copies/bin/python3");
    let said = app.refusal();
    assert!(said.contains("virtual environment"), "{said}");
    fs::remove_file(app.folder().join("python")).unwrap();
    // One whose pyvenv.cfg was lost still has this link.
    app.link("env/bin/python3", "/usr/bin/python3");
    let said = app.refusal();
    assert!(said.contains("env/bin/python3") && said.contains("virtual environment"), "{said}");
}

#[test]
fn include_and_exclude_change_the_rules() {
    let mut app = App::new();
    for path in [".config/app.toml", ".config/cache/x", ".htaccess", "tests/test_app.py", "a.md", "sub/b.md", "c.pyc"] {
        app.write(path, "");
    }
    app.stack.app.include = patterns(&[".config/app.toml", ".htaccess", "*.pyc"]);
    app.stack.app.exclude = patterns(&["tests/", "*.md"]);
    assert_eq!(app.packed(), set(&[".config/app.toml", ".htaccess", "app.py", "c.pyc"]));
    let left_out: Vec<String> =
        app.render().notes.left_out.iter().map(|one| format!("{}: {}", one.path.display(), one.rule)).collect();
    assert!(left_out.contains(&"tests: [app] exclude has `tests`".to_owned()), "{left_out:?}");
    assert!(left_out.contains(&".config/cache: its name begins with a dot".to_owned()), "{left_out:?}");
}

#[test]
fn a_user_is_warned_of_what_looks_like_a_secret() {
    let mut app = App::new();
    let secrets = ["certs/server.key", "db.sqlite3", "env", "id_rsa", "secrets.json"];
    for path in secrets {
        app.write(path, "");
    }
    app.write("config.txt", "-----BEGIN EC PRIVATE KEY-----\nMHc\n");
    for path in ["id_rsa.pub", "secrets.py", "environment.py", "keys.html", "cert.pem"] {
        app.write(path, "-----BEGIN CERTIFICATE-----\n");
    }
    let warned = |app: &App| -> Vec<String> {
        app.render().notes.secrets.iter().map(|(path, _)| path.display().to_string()).collect()
    };
    assert_eq!(warned(&app), ["certs/server.key", "config.txt", "db.sqlite3", "env", "id_rsa", "secrets.json"]);
    let said = app.render().notes.warnings();
    assert!(said.iter().all(|line| line.contains("looks like a secret") && line.contains("[app] exclude")), "{said:?}");
    app.stack.app.include = patterns(&["*.sqlite3"]);
    app.stack.app.exclude = patterns(&["id_rsa", "env"]);
    assert_eq!(warned(&app), ["certs/server.key", "config.txt", "secrets.json"]);
}

#[test]
fn links_lead_to_what_is_packed() {
    let app = App::new();
    app.write("sub/module.py", "");
    app.write(".env", "");
    fs::write(app.project.path().join("secret"), "").unwrap();
    app.link("good", "sub/../app.py");
    app.link("sub/here", ".");
    app.link("sub/up", "../sub/here/module.py");
    assert_eq!(app.packed(), set(&["app.py", "good", "sub/here", "sub/module.py", "sub/up"]));
    let absolute = app.folder().join("app.py").display().to_string();
    // `sub/here` is the folder `sub`, so its parent is the app's folder, and not `sub`.
    for target in [
        "../secret",
        "../app/app.py",
        "missing",
        ".env",
        "sub/here/../../app/app.py",
        "sub/here/../module.py",
        "/etc/passwd",
        &absolute,
        "bad",
    ] {
        app.link("bad", target);
        assert!(matches!(package_files(&app.stack), Err(RenderError::LinkLeadsOut { .. })), "{target}");
        fs::remove_file(app.folder().join("bad")).unwrap();
    }
}

#[test]
fn no_accepted_link_dangles_on_the_server() {
    let app = App::new();
    app.link("here", ".");
    app.link("again", "here/here/app.py");
    let root = tempfile::tempdir().unwrap();
    for (path, entry) in app.render().payload.entries() {
        let place = root.path().join(path.trim_start_matches('/'));
        match entry {
            PayloadEntry::Folder { .. } => fs::create_dir_all(&place).unwrap(),
            PayloadEntry::Symlink { target } => symlink(target, &place).unwrap(),
            PayloadEntry::File { .. } => fs::write(&place, "").unwrap(),
        }
    }
    for link in ["here", "again"] {
        assert!(root.path().join("usr/share/guest-book").join(link).exists(), "{link} dangles");
    }
    // What the finder did: the path leads through the link to the project's folder, which no server has.
    app.link("l.py", "here/../app/app.py");
    assert!(app.refusal().contains("l.py"), "{}", app.refusal());
}

#[test]
fn names_that_are_left_out_anyway_may_be_anything() {
    let app = App::new();
    fs::create_dir(app.folder().join("__pycache__")).unwrap();
    for name in [b".caf\xe9.swp".as_slice(), b"__pycache__/\xe9.pyc"] {
        fs::write(app.folder().join(Path::new(std::ffi::OsStr::from_bytes(name))), "").unwrap();
    }
    assert_eq!(app.packed(), set(&["app.py"]));
    fs::write(app.folder().join(Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9"))), "").unwrap();
    assert!(matches!(package_files(&app.stack), Err(RenderError::FileName(_))));
}

#[test]
fn modes_are_those_of_a_program_or_of_a_file() {
    let app = App::new();
    app.write("run", "");
    fs::set_permissions(app.folder().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(app.folder().join("app.py"), fs::Permissions::from_mode(0o600)).unwrap();
    let rendered = app.render();
    for (path, expected) in [("run", 0o755), ("app.py", 0o644)] {
        match rendered.payload.get(&format!("/usr/share/guest-book/{path}")) {
            Some(PayloadEntry::File { mode, .. }) => assert_eq!(*mode, expected, "{path}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_migration_that_is_left_out_is_a_mistake() {
    let mut app = App::new();
    for folder in [".migrations", "__pycache__", "sql"] {
        app.write(&format!("{folder}/0001_a.sql"), "SELECT 1;\n");
    }
    let with = |app: &mut App, folder: &str| {
        let migrations = Some(folder.into());
        app.stack.database = Some(stackdeb::stack::Database { name: "guest_book".to_owned(), migrations });
    };
    for folder in [".migrations", "__pycache__"] {
        with(&mut app, folder);
        assert!(matches!(package_files(&app.stack), Err(RenderError::MigrationNotPacked(_))), "{folder}");
    }
    with(&mut app, "sql");
    app.packed();
    app.stack.app.exclude = patterns(&["*.sql"]);
    assert!(matches!(package_files(&app.stack), Err(RenderError::MigrationNotPacked(_))));
    app.stack.app.exclude.clear();
    app.link("linked", "sql");
    with(&mut app, "linked");
    app.packed();
}
