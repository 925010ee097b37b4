//! What the package has of `[[site.static]]`: where the files are, which of them are compressed, and that gzip and a
//! build on another day agree.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use support::edition::edit;
use support::{default_stack, listing, run, stackdeb, text};
use tempfile::TempDir;

const FOLDER: &str = "usr/share/stackdeb-stack";

/// The project that ships, with a folder of files.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let files = folder.path().join("files");
    fs::create_dir_all(files.join("fonts")).unwrap();
    let long = "all work and no play ".repeat(500);
    for (name, content) in [
        ("app.55e7cbb9ba48.css", long.as_str()),
        ("plain.css", &long),
        ("short.css", "a{}"),
        ("own.js", &long),
        ("own.js.gz", "made by somebody else"),
        ("picture.png", &long),
        ("fonts/a.ttf", &long),
        ("bundle/main.js", &long),
        (".env", "SECRET=1"),
        ("backup.css~", "old"),
    ] {
        let path = files.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    symlink("../app/app.py", files.join("source.txt")).unwrap();
    edit(&folder.path().join("stack.toml"), "[app]", "compression = \"none\"\n\n[app]");
    edit(
        &folder.path().join("stack.toml"),
        "[image]",
        "[[site.static]]\npath = \"/static/\"\nfolder = \"files\"\nhashed = [\"bundle/*\"]\n\n[image]",
    );
    folder
}

fn build(project: &Path) {
    run(stackdeb().arg("deb").current_dir(project));
}

#[test]
fn the_package_has_the_files_by_their_paths_and_compressed_copies() {
    let project = project();
    build(project.path());
    let root = project.path().join("root");
    run(Command::new("dpkg-deb").arg("-x").arg(project.path().join("dist/stack.deb")).arg(&root));
    let folder = root.join(FOLDER);
    let packed: Vec<String> = listing(&folder)
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| path.strip_prefix(&folder).unwrap().display().to_string())
        .collect();
    let expected = [
        "hashed/static/app.55e7cbb9ba48.css",
        "hashed/static/app.55e7cbb9ba48.css.br",
        "hashed/static/app.55e7cbb9ba48.css.gz",
        "hashed/static/bundle/main.js",
        "hashed/static/bundle/main.js.br",
        "hashed/static/bundle/main.js.gz",
        "plain/static/fonts/a.ttf",
        "plain/static/fonts/a.ttf.br",
        "plain/static/fonts/a.ttf.gz",
        "plain/static/own.js",
        "plain/static/own.js.br",
        "plain/static/own.js.gz",
        "plain/static/picture.png",
        "plain/static/plain.css",
        "plain/static/plain.css.br",
        "plain/static/plain.css.gz",
        "plain/static/short.css",
        "plain/static/source.txt",
        "plain/static/source.txt.br",
        "plain/static/source.txt.gz",
    ];
    assert_eq!(packed, expected);
    assert_eq!(fs::read_to_string(folder.join("plain/static/own.js.gz")).unwrap(), "made by somebody else");
    for plain in ["hashed/static/app.55e7cbb9ba48.css", "plain/static/source.txt"] {
        let plain = folder.join(plain);
        let zipped = format!("{}.gz", plain.display());
        let unzipped = Command::new("gzip").args(["-dc", &zipped]).output().unwrap();
        assert_eq!(unzipped.stdout, fs::read(&plain).unwrap(), "{}", text(&unzipped));
    }
    let depends = run(Command::new("dpkg-deb").arg("-f").arg(project.path().join("dist/stack.deb")).arg("Depends"));
    assert!(depends.contains("libnginx-mod-http-brotli-static"), "{depends}");
}

/// The longest name that dpkg can unpack has 246 bytes.
#[test]
fn a_name_with_no_room_for_the_ending_of_a_copy_has_none() {
    let project = project();
    let name = format!("{}.css", "n".repeat(240));
    fs::write(project.path().join("files").join(&name), "all work and no play ".repeat(500)).unwrap();
    run(stackdeb().arg("check").current_dir(project.path()));
    build(project.path());
    let listed = run(Command::new("dpkg-deb").arg("-c").arg(project.path().join("dist/stack.deb")));
    assert_eq!(listed.lines().filter(|line| line.contains(&name)).count(), 1, "{listed}");
}

/// A user who moves files to nginx learns which of them it does not serve, and which it should not.
#[test]
fn what_is_not_served_and_what_should_not_be_is_told() {
    let project = project();
    for (path, content) in [
        ("files/db.sqlite3", ""),
        ("files/fonts/key.txt", "-----BEGIN PRIVATE KEY-----\n"),
        ("files/.well-known/a", ""),
    ] {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let check = |more: &[&str]| {
        let mut command = stackdeb();
        run(command.arg("check").args(more).current_dir(project.path()).env("NO_COLOR", "1"))
    };
    let said = check(&[]);
    for line in [
        "left out  files/.env: its name begins with a dot; nginx does not serve it",
        "left out  files/backup.css~: a backup of an editor or of patch; nginx does not serve it",
        "warning   files/db.sqlite3 looks like a secret (a database with what was stored while it was tried out), and \
         nginx shows it to every visitor: move it to another folder",
        "warning   files/fonts/key.txt looks like a secret (a private key is in it), and nginx shows it to every \
         visitor: move it to another folder",
    ] {
        assert!(said.lines().any(|found| found == line), "no `{line}` in:\n{said}");
    }
    assert!(!said.contains("well-known"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&check(&["--json"])).unwrap();
    let paths: Vec<&str> =
        json["not-served"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["files/.env", "files/backup.css~"]);
    let output = stackdeb().arg("deb").current_dir(project.path()).output().unwrap();
    let said = text(&output);
    assert!(said.contains("2 files and folders for nginx are left out: `stackdeb check` says which"), "{said}");
    assert!(said.contains("files/db.sqlite3 looks like a secret"), "{said}");
}

#[test]
fn the_same_files_give_the_same_package() {
    let packages = [1_000_000_000, 1_500_000_000].map(|time| {
        let project = project();
        for path in listing(&project.path().join("files")) {
            run(Command::new("touch").args(["-h", "-d", &format!("@{time}")]).arg(path));
        }
        build(project.path());
        fs::read(project.path().join("dist/stack_1.0.0_amd64.deb")).unwrap()
    });
    assert!(packages[0] == packages[1]);
}

#[test]
fn what_cannot_be_served_is_refused_with_its_reason() {
    let refusal = |change: &dyn Fn(&Path)| {
        let project = project();
        change(project.path());
        let output = stackdeb().arg("check").current_dir(project.path()).env("NO_COLOR", "1").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    };
    let with_path = |path: &str| {
        let change = |project: &Path| edit(&project.join("stack.toml"), "\"/static/\"", &format!("\"{path}\""));
        refusal(&change)
    };
    for (path, why) in [
        ("/", "it is `/` alone, where the app is"),
        ("/a/../b/", "a part that is empty, `.` or `..`"),
        ("/.well-known/acme-challenge/", "which is not a file"),
        ("/.well-known/", "`/.well-known/` holds `/.well-known/acme-challenge/`"),
    ] {
        let said = with_path(path);
        assert!(said.contains(why) && said.contains("site.static"), "{path}: {said}");
    }
    let twice = "[[site.static]]\npath = \"/static/\"\nfolder = \"app\"\n[image]";
    let said = refusal(&|project| edit(&project.join("stack.toml"), "[image]", twice));
    assert!(said.contains("`/static/` is the path of another entry as well"), "{said}");
    let said = refusal(&|project| edit(&project.join("stack.toml"), "\"files\"", "\"nowhere\""));
    assert!(said.contains("there is no folder"), "{said}");
    let said = refusal(&|project| symlink("/etc/passwd", project.join("files/passwd.txt")).unwrap());
    assert!(said.contains("outside the project's folder"), "{said}");
    let said = refusal(&|project| symlink("nowhere", project.join("files/x.txt")).unwrap());
    assert!(said.contains("where nothing is"), "{said}");
}
