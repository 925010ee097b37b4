//! `[app] build-command`: what it finds, what of its work is packed, that the same project gives the same bytes, and what is
//! refused. It runs in a real sandbox with Debian's packages.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libtest_mimic::Trial;
use stackdeb::control::Stanza;
use support::room::{for_soak, in_namespaces};
use support::{cache, kept, run, stackdeb, text};
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    let first = support::tests![a_project_of_django_is_told_what_it_lacks];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![
            what_the_build_command_leaves_is_packed_and_is_the_same_each_time,
            a_build_command_that_fails_or_makes_too_little_is_refused
        ]))
        .chain(for_soak(support::tests![the_package_is_the_same_without_a_cache_and_with_a_damaged_one]))
        .collect()
}

const MANIFEST: &str = r#"
[package]
name = "shop"
maintainer = "Jane Doe <jane@example.org>"
summary = "place to buy things at"
license = "MIT"
copyright = ["2026 Jane Doe <jane@example.org>"]
compression = "none"

[app]
build-command = "python build.py"
environment = { COLOUR = "green" }

[[site.static]]
path = "/static/"
folder = "app/made"

[site]
server-names = ["shop.example.org", "*.shop.example.org"]

[database]

[[changelog]]
version = "1.0.0"
date = 2026-11-22T10:00:00Z
changes = ["First."]
"#;

/// It makes files, changes one, deletes one, and writes down where it is.
const BUILD: &str = r##"
import hashlib, os, pathlib, socket, subprocess, sys, time

made = pathlib.Path("made")
made.mkdir()
style = "body { margin: 0 }\n" * 100
(made / f"app.{hashlib.sha256(style.encode()).hexdigest()[:12]}.css").write_text(style)
(made / "tool").write_text("#!/bin/sh\n")
(made / "tool").chmod(0o755)
(made / "link").symlink_to("tool")
pathlib.Path("page.html").write_text("after")
pathlib.Path("source.ts").unlink()
pathlib.Path("node_modules/x").mkdir(parents=True)
pathlib.Path("node_modules/x/index.js").write_text("left out")
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
    network = "a network"
except OSError:
    network = "no network"
names = ["ALLOWED_HOSTS", "COLOUR", "DATABASE_NAME", "SECRET_KEY", "SOURCE_DATE_EPOCH", "STATE_DIRECTORY"]
lines = [f"{name}={os.environ[name]}" for name in names]
lines += [os.getcwd(), sys.executable, network, f"{os.stat('app.py').st_mtime:.0f}", *{"a", "b", "c", "d", "e"}]
pathlib.Path("report").write_text("\n".join(lines))
installed = ["dpkg-query", "--show", "--showformat=${Package} (= ${Version})\n"]
pathlib.Path("packages").write_text(subprocess.run(installed, check=True, capture_output=True, text=True).stdout)
"##;

/// The parts of a cache that all projects here share: to make a root in which a command runs takes longer than all the rest.
const SHARED: [&str; 2] = ["bases", "trees"];
/// A lock that each build in a root of them holds.
static BUILDER: Mutex<()> = Mutex::new(());

pub(super) fn builder() -> MutexGuard<'static, ()> {
    BUILDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the cache `own`, which has the packages that were downloaded, and the roots of other projects here.
pub(super) fn share(own: &Path) {
    fs::create_dir_all(own).unwrap();
    for shared in ["pool", "lists", "releases", "names"] {
        fs::create_dir_all(cache().join(shared)).unwrap();
        symlink(cache().join(shared), own.join(shared)).unwrap();
    }
    for shared in SHARED {
        let folder = kept().join("builder").join(shared);
        fs::create_dir_all(&folder).unwrap();
        symlink(folder, own.join(shared)).unwrap();
    }
}

struct Project(TempDir);

impl Project {
    /// With a cache of its own, except what was downloaded.
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(project.path("app")).unwrap();
        for (name, text) in
            [("app.py", "app = None\n"), ("build.py", BUILD), ("page.html", "before"), ("source.ts", "x")]
        {
            fs::write(project.path("app").join(name), text).unwrap();
        }
        fs::write(project.path("stack.toml"), MANIFEST).unwrap();
        share(&project.path("cache/stackdeb"));
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = stackdeb();
        command.arg(verb).current_dir(self.0.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        support::edition::edit(&self.path(file), from, to);
    }

    fn refused(&self) -> String {
        let output: Output = self.command("deb").env("COLUMNS", "400").output().unwrap();
        assert!(!output.status.success(), "{}", text(&output));
        text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }
}

fn read(tree: &Path, path: &str) -> String {
    fs::read_to_string(tree.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn what_the_build_command_leaves_is_packed_and_is_the_same_each_time() {
    let _builder = builder();
    let project = Project::new();
    run(project.command("deb").arg("--changes"));
    let package = fs::read(project.path("dist/shop.deb")).unwrap();
    let tree = project.path("tree");
    run(Command::new("dpkg-deb").arg("-x").arg(project.path("dist/shop.deb")).arg(&tree));

    assert_eq!(read(&tree, "usr/share/shop/page.html"), "after");
    for absent in ["source.ts", "node_modules"] {
        assert!(!tree.join("usr/share/shop").join(absent).exists(), "{absent} is packed");
    }
    let hashed: Vec<String> = support::listing(&tree.join("usr/share/stackdeb-shop/hashed"))
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for ending in [".css", ".css.gz", ".css.br"] {
        assert!(hashed.iter().any(|name| name.starts_with("app.") && name.ends_with(ending)), "{hashed:?}");
    }
    assert_eq!(read(&tree, "usr/share/stackdeb-shop/plain/static/tool"), "#!/bin/sh\n");
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::symlink_metadata(tree.join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("usr/share/shop/made/tool"), mode("usr/share/shop/page.html")), (0o755, 0o644));
    assert_eq!(fs::read_link(tree.join("usr/share/shop/made/link")).unwrap(), Path::new("tool"));

    let report = read(&tree, "usr/share/shop/report");
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(
        lines[..10],
        [
            "ALLOWED_HOSTS=shop.example.org,.shop.example.org",
            "COLOUR=green",
            "DATABASE_NAME=shop",
            "SECRET_KEY=not-secret-only-for-the-build-of-the-package",
            "SOURCE_DATE_EPOCH=1795341600",
            "STATE_DIRECTORY=/var/lib/shop/app",
            "/usr/share/shop",
            "/usr/libexec/shop/bin/python",
            "no network",
            "1795341600",
        ],
        "{report}"
    );

    // The .buildinfo file names all packages that were there, and the one that has run the command.
    let buildinfo = fs::read_to_string(project.path("dist/shop_1.0.0_amd64.buildinfo")).unwrap();
    let named = Stanza::parse(&buildinfo).unwrap();
    let named = named.get("Installed-Build-Depends").unwrap().trim().split(",\n").map(str::to_owned);
    let (own, mut named): (Vec<String>, Vec<String>) = named.partition(|one| one.starts_with("stackdeb (= "));
    let mut there: Vec<String> = read(&tree, "usr/share/shop/packages").lines().map(str::to_owned).collect();
    named.sort();
    there.sort();
    assert!(there.iter().any(|one| one.starts_with("python3 (= ")), "{there:?}");
    assert_eq!((own.len(), named), (1, there));

    // Nothing of the project itself has changed.
    assert_eq!(fs::read_to_string(project.path("app/page.html")).unwrap(), "before");
    assert!(project.path("app/source.ts").exists() && !project.path("app/made").exists());

    // What it gave is kept, as long as nothing changes. Without that it runs again, and gives the same bytes.
    let built = project.path("cache/stackdeb/built");
    let kept = || fs::read_dir(&built).unwrap().count();
    let before = kept();
    run(&mut project.command("check"));
    assert_eq!(kept(), before);
    fs::remove_dir_all(&built).unwrap();
    run(&mut project.command("deb"));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "another package");
}

/// Its root is made twice from nothing.
fn the_package_is_the_same_without_a_cache_and_with_a_damaged_one() {
    let _builder = builder();
    let project = Project::new();
    run(&mut project.command("deb"));
    let package = fs::read(project.path("dist/shop.deb")).unwrap();

    // With --no-cache the command runs again, although nothing has changed, and nothing of it is kept. What is kept as its result
    // would be seen: it is another.
    let kept_page = || {
        let listing = support::listing(&project.path("cache/stackdeb/built"));
        listing.into_iter().find(|path| path.ends_with("report")).expect("the result is kept")
    };
    let right = fs::read(kept_page()).unwrap();
    fs::write(kept_page(), "another").unwrap();
    let content = || support::listing(&project.path("cache/stackdeb"));
    let before = content();
    run(project.command("deb").arg("--no-cache"));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "what was kept was taken");
    assert_eq!(content(), before, "something was kept");
    assert_eq!(fs::read(kept_page()).unwrap(), b"another");
    run(&mut project.command("deb"));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() != package, "the result is not taken from there");
    fs::write(kept_page(), right).unwrap();

    // The roots that were kept are damaged, packed and unpacked, so one is made again.
    fs::remove_dir_all(project.path("cache/stackdeb/built")).unwrap();
    let kept =
        |name: &str| fs::read_dir(project.path("cache/stackdeb").join(name)).unwrap().map(|one| one.unwrap().path());
    for base in kept("bases") {
        let base = fs::OpenOptions::new().write(true).open(base).unwrap();
        base.set_len(base.metadata().unwrap().len() - 1).unwrap();
    }
    for tree in kept("trees") {
        fs::write(tree.join("tree/etc/debian_version"), "another\n").unwrap();
    }
    let output = project.command("deb").output().unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for words in [
        "/stackdeb/bases/",
        "is damaged, so it is made again",
        "/stackdeb/trees/",
        "is damaged, so it is unpacked again",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "another package");
}

fn a_build_command_that_fails_or_makes_too_little_is_refused() {
    let _builder = builder();
    let project = Project::new();
    run(&mut project.command("deb"));
    let package = fs::read(project.path("dist/shop.deb")).unwrap();

    project.edit("stack.toml", "folder = \"app/made\"", "folder = \"app/other\"");
    let said = project.refused();
    assert!(said.contains("has not made") && said.contains("app/other, which [[site.static]] names"), "{said}");
    project.edit("stack.toml", "folder = \"app/other\"", "folder = \"../made\"");
    assert!(project.refused().contains("there is no folder"));
    project.edit("stack.toml", "folder = \"../made\"", "folder = \"app/made\"");

    project.edit("app/build.py", "made.mkdir()", "sys.exit('the loom is broken')");
    let said = project.refused();
    for words in
        ["[app] build-command failed (exit status: 1): python build.py", "the loom is broken", "without a network"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    // A link to a file of this machine shows nothing of it.
    project.edit("app/build.py", "sys.exit('the loom is broken')", "made.mkdir(); os.symlink('/etc/hostname', 'name')");
    assert!(project.refused().contains("an absolute path"));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "the package before is not there any more");
}

fn a_project_of_django_is_told_what_it_lacks() {
    let project = Project::new();
    let manifest = MANIFEST
        .replace("build-command = \"python build.py\"", "depends = [\"python3-django\"]")
        .replace("[[site.static]]\npath = \"/static/\"\nfolder = \"app/made\"\n", "");
    fs::write(project.path("stack.toml"), manifest).unwrap();
    let check = || run(&mut project.command("check"));
    assert!(!check().contains("manage.py"));
    fs::write(project.path("app/manage.py"), "").unwrap();
    let said = check();
    for words in ["nothing runs Django's migrations", "nothing serves Django's static files"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
