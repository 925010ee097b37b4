//! Libraries from the index: what a file of requirements becomes, and what is refused. Real libraries come from the index
//! that this machine's pip uses; hostile ones from an index of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use support::edition::edit;
use support::mirror::Mirror;
use support::wheels::{Wheel, index};
use support::{kept, run, stackdeb, text};
use tempfile::TempDir;

use crate::build_command::share;
use crate::package::lintian_is_silent;
use libtest_mimic::Trial;
use support::room::in_namespaces;

pub fn trials() -> Vec<Trial> {
    let first = support::tests![
        a_file_of_requirements_is_read_as_pip_reads_it,
        relations_to_python_follow_from_the_wheels,
        a_wheel_that_is_not_what_it_says_is_refused,
        scripts_have_the_servers_interpreter_and_other_data_their_place
    ];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![libraries_are_packed_as_pip_installs_them_and_the_judges_agree]))
        .collect()
}

/// Pure libraries, compiled ones, one with libraries of its own beside it, and programs.
const REAL: &str = "flask==3.1.0\nwerkzeug==3.1.3\njinja2==3.1.6\nitsdangerous==2.2.0\nclick==8.1.8\nblinker==1.9.0\n\
    markupsafe==3.0.2\ngunicorn==23.0.0\npackaging==24.2\npsycopg2-binary==2.9.10\n";

/// An experimental tag of lintian.
const EXIT: (&str, &str) = ("exit-in-shared-library", "a library that another one brings along; its author knows");

/// A project with its own cache and, unless it is real, its own index.
pub(super) struct Project {
    folder: TempDir,
    pub(super) index: Option<Mirror>,
}

impl Project {
    pub(super) fn new(requirements: &str, wheels: &[Wheel]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), index: (!wheels.is_empty()).then(|| index(wheels)) };
        fs::create_dir(project.path("app")).unwrap();
        fs::write(project.path("app/app.py"), "app = None\n").unwrap();
        fs::write(project.path("requirements.txt"), requirements).unwrap();
        let manifest = "[package]\nname = \"shop\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
            summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
            compression = \"none\"\n[app]\nrequirements = \"requirements.txt\"\n\
            [[changelog]]\nversion = \"1.0.0\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n";
        fs::write(project.path("stack.toml"), manifest).unwrap();
        project
    }

    /// Shares what was downloaded and the roots with other tests, for a lock that pip chooses. Meanwhile the test holds `builder()`.
    pub(super) fn with_shared_roots(self) -> Self {
        share(&self.path("cache/stackdeb"));
        self
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(super) fn command(&self, verb: &str) -> Command {
        let mut command = stackdeb();
        command.arg(verb).current_dir(self.folder.path());
        if let Some(index) = &self.index {
            command.env("PIP_INDEX_URL", format!("{}/simple", index.address));
            command.env("XDG_CACHE_HOME", self.path("cache"));
        }
        command
    }

    /// The command that locks the libraries.
    pub(super) fn lock(&self) -> Command {
        let mut command = self.command("lock");
        command.arg("--libraries");
        command
    }

    fn deb(&self) -> Output {
        self.command("deb").output().unwrap()
    }

    /// Builds the package and unpacks it.
    #[track_caller]
    pub(super) fn built(&self) -> PathBuf {
        run(&mut self.command("deb"));
        let tree = self.path("tree");
        let _ = fs::remove_dir_all(&tree);
        run(Command::new("dpkg-deb").arg("-x").arg(self.path("dist/shop.deb")).arg(&tree));
        tree
    }

    pub(super) fn depends(&self) -> String {
        run(Command::new("dpkg-deb").arg("-f").arg(self.path("dist/shop.deb")).arg("Depends"))
    }

    /// What building says, which has to fail and to leave no package.
    #[track_caller]
    pub(super) fn refused(&self) -> String {
        let output = self.deb();
        assert!(!output.status.success(), "{}", text(&output));
        assert!(!self.path("dist").exists(), "{}", text(&output));
        // Lines are broken to the width of a terminal.
        text(&output).replace('│', "").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Every file below a folder with its content, but those that each installer writes in its own way.
pub(super) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let own = ["INSTALLER", "RECORD", "REQUESTED"];
    support::listing(folder)
        .into_iter()
        .filter(|path| path.is_file() && !own.iter().any(|name| path.ends_with(name)))
        .map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()))
        .filter(|(path, _)| !path.starts_with("bin"))
        .collect()
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A pip, and beside it a Python and uv: Debian's python3 has neither. Made once, by whichever test comes first.
pub(super) fn pip() -> PathBuf {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let venv = kept().join("venv");
        if !venv.join("bin/uv").exists() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
            run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "uv"]));
        }
        venv.join("bin/pip")
    });
    MADE.clone()
}

fn libraries_are_packed_as_pip_installs_them_and_the_judges_agree() {
    let project = Project::new(REAL, &[]);
    // lintian does not want a package that is not compressed.
    edit(&project.path("stack.toml"), "\"none\"", "\"gzip\"");
    let tree = project.built();
    let theirs = project.path("pip");
    let mut install = Command::new(pip());
    install.args(["install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:"]);
    install.args(["--python-version", "3.13", "--platform", "manylinux2014_x86_64", "--target"]).arg(&theirs);
    run(install.arg("-r").arg(project.path("requirements.txt")));
    let ours = tree.join("usr/lib/shop/python3");
    let (expected, found) = (files(&theirs), files(&ours));
    assert!(expected.len() > 200);
    assert_eq!(
        found.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        expected.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    assert!(found == expected, "the files have other contents");
    assert_eq!(names(&tree.join("usr/lib/shop/bin")), names(&theirs.join("bin")));

    // The list of what is installed is right: pip compares it with the files.
    let verify = "import sys, base64, hashlib, importlib.metadata as m\n\
        for d in m.distributions(path=[sys.argv[1]]):\n  \
          for f in d.files:\n    \
            if f.hash: assert base64.urlsafe_b64encode(hashlib.sha256(f.read_binary()).digest()).rstrip(b'=').decode() == f.hash.value, f\n  \
          print(d.metadata['Name'])\n";
    let known = run(Command::new("python3").args(["-c", verify]).arg(&ours));
    assert_eq!(known.lines().count(), REAL.lines().count(), "{known}");

    let depends = project.depends();
    for relation in ["python3 (>= 3.13)", "python3 (<< 3.14)", "zlib1g"] {
        assert!(depends.contains(relation), "{depends}");
    }
    assert!(!depends.contains("gunicorn") && !depends.contains("python3,"), "{depends}");
    let unit = fs::read_to_string(tree.join("usr/lib/systemd/system/shop.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/lib/shop/bin/gunicorn "), "{unit}");

    let copyright = fs::read_to_string(tree.join("usr/share/doc/shop/copyright")).unwrap();
    for library in REAL.lines() {
        let (name, version) = library.split_once("==").unwrap();
        assert!(copyright.contains(&format!("Comment: {name} {version}, ")), "{copyright}");
    }
    let checked = run(&mut project.command("check"));
    assert!(checked.contains("library   flask 3.1.0 from the index, flask-3.1.0-py3-none-any.whl\n"), "{checked}");

    // Everything is in the cache now, so the same bytes come without a network.
    let first = fs::read(project.path("dist/shop.deb")).unwrap();
    let mut alone = Command::new("unshare");
    alone.args(["--net", "--map-root-user"]).arg(support::program("stackdeb")).arg("deb");
    run(alone.current_dir(project.folder.path()));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == first, "the packages differ");

    lintian_is_silent(&project.path("dist/shop.deb"), &[EXIT]);
}

fn a_file_of_requirements_is_read_as_pip_reads_it() {
    let wheels = [
        Wheel::new("first", "1.0", "py3-none-any")
            .metadata("Requires-Dist: second[fast] >=1 ; python_version > '3.0'\n"),
        Wheel::new("second", "1.5", "py3-none-any").metadata(
            "Provides-Extra: fast\nRequires-Dist: third ; extra == 'fast'\nRequires-Dist: absent ; extra == 'x'\n",
        ),
        Wheel::new("third", "2.0", "py3-none-any"),
        Wheel::new("third", "3.0", "py3-none-any"),
        Wheel::new("windows-only", "1.0", "py3-none-any"),
        Wheel::new("second", "0.5", "py3-none-any"),
    ];
    let hash = stackdeb::system::hash::Sha256::of(&wheels[0].bytes());
    let requirements = format!(
        "# What the app needs\nFirst == 1.0 \\\n    --hash=sha256:{hash}  # the first\n\n-r more/others.txt\n\
         windows_only==1.0 ; sys_platform == 'win32' --hash=sha256:{hash}\n-c constraints.txt\n"
    );
    let project = Project::new(&requirements, &wheels);
    fs::create_dir(project.path("more")).unwrap();
    let with_hash = |name: &str, at: usize| {
        format!("{name} --hash=sha256:{}\n", stackdeb::system::hash::Sha256::of(&wheels[at].bytes()))
    };
    let others = format!("{}{}", with_hash("second==1.5", 1), with_hash("third==2.0", 2));
    fs::write(project.path("more/others.txt"), others).unwrap();
    fs::write(project.path("constraints.txt"), "third<4\n").unwrap();
    // Without hashes, a constraint may be what pins a library.
    let by_constraint = Project::new("first==1.0\nsecond==1.5\nthird\n-c constraints.txt\n", &wheels);
    fs::write(by_constraint.path("constraints.txt"), "third==2.0\n").unwrap();
    for project in [&project, &by_constraint] {
        let tree = project.built();
        let installed: Vec<String> =
            names(&tree.join("usr/lib/shop/python3")).into_iter().filter(|name| name.ends_with(".dist-info")).collect();
        assert_eq!(installed, ["first-1.0.dist-info", "second-1.5.dist-info", "third-2.0.dist-info"]);
        assert!(!project.depends().contains("<<"), "{}", project.depends());

        // pip agrees that this file can be installed, and on what it installs.
        let theirs = project.path("pip");
        let mut install = Command::new(pip());
        install.args(["install", "--quiet", "--no-compile", "--target"]).arg(&theirs).arg("-r");
        install.arg(project.path("requirements.txt")).env_remove("PIP_FIND_LINKS");
        run(install.env("PIP_INDEX_URL", format!("{}/simple", project.index.as_ref().unwrap().address)));
        assert_eq!(files(&tree.join("usr/lib/shop/python3")), files(&theirs));
    }

    // A file that names itself is read once.
    Project::new("-r requirements.txt\nthird==2.0\n", &wheels).built();

    for (line, why) in [
        ("first>=1.0", "`first` has no exact version"),
        ("first==1.0", "first 1.0 needs `second[fast]>=1"),
        ("first==1.0\nsecond==0.5", "but requirements.txt, line 2 has 0.5"),
        ("first==2.0", "does not have first 2.0; its newest versions are 1.0"),
        ("absent==1.0", "does not have absent"),
        ("first==1.0\nfirst==1.1", "pins first to 1.0, which requirements.txt, line 2 does not accept"),
        ("first==1.0 --hash=sha256:00", "is not a SHA-256"),
        (
            "third==2.0 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "has one of the listed hashes",
        ),
        ("-e .", "the app's own code belongs into [app] folder"),
        ("--extra-index-url https://example.org/simple\nfirst==1.0", "libraries come from one index"),
        ("./first-1.0-py3-none-any.whl", "it is a path or an address without a name"),
        ("first @ https://example.org/first-1.0-py3-none-any.whl", "it has no SHA-256"),
        ("first @ https://example.org/first-1.0.tar.gz#sha256=00", "is not the name of a wheel"),
        ("first @ https://example.org/other-1.0-py3-none-any.whl#sha256=00", "is one of another library"),
        ("first @ https://example.org/first-1.0-py3-none-any.whl#sha256=00", "its SHA-256 has not 64 digits"),
        ("first @ file:///first-1.0-py3-none-any.whl", "it is not an address of the web"),
        ("-r absent.txt", "cannot read absent.txt"),
    ] {
        let project = Project::new(&format!("{line}\n"), &wheels);
        let said = project.refused();
        assert!(said.contains(why), "{line}: {said}");
    }
}

fn relations_to_python_follow_from_the_wheels() {
    let wheel =
        |tag: &str, python: &str| Wheel::new("first", "1.0", tag).metadata(&format!("Requires-Python: {python}\n"));
    for (tag, python, expected) in [
        ("py3-none-any", ">=3.9", "python3 (>= 3.9)"),
        ("py3-none-any", ">=3.9,<4", "python3 (>= 3.9), python3 (<< 4.0)"),
        ("py3-none-any", "==3.13.*", "python3 (>= 3.13), python3 (<< 3.14)"),
        ("py3-none-any", "==3.*,!=3.12.*", "python3 (>= 3.0), python3 (<< 4.0)"),
        ("py3-none-any", "~=3.13.0", "python3 (>= 3.13), python3 (<< 3.14)"),
        ("py3-none-any", "~=3.9", "python3 (>= 3.9), python3 (<< 4.0)"),
        ("py3-none-any", ">3.8,<=3.13.9", "python3 (>= 3.8), python3 (<< 3.14)"),
        ("py3-none-any", "<3.14", "python3 (<< 3.14)"),
        ("py3-none-any", "<3.13.9", "python3 (<< 3.14)"),
        ("cp311-abi3-manylinux_2_17_x86_64", ">=3.9", "python3 (>= 3.11)"),
        ("cp313-cp313-manylinux_2_17_x86_64", ">=3.9", "python3 (>= 3.13), python3 (<< 3.14)"),
    ] {
        let project = Project::new("first==1.0\n", &[wheel(tag, python)]);
        project.built();
        let depends = project.depends();
        let of_python: Vec<&str> = depends.trim().split(", ").filter(|one| one.starts_with("python3")).collect();
        assert_eq!(of_python.join(", "), expected, "{tag} {python}");
    }
    let said = Project::new("first==1.0\n", &[wheel("py3-none-any", "<3.13")]).refused();
    assert!(said.contains("first 1.0 needs Python <3.13, and Debian 13 (trixie) has 3.13.5"), "{said}");
    let said = Project::new("first==1.0\n", &[wheel("cp312-cp312-manylinux_2_17_x86_64", ">=3")]).refused();
    assert!(
        said.contains("no wheel for Debian 13 (trixie) (CPython 3.13, glibc 2.41); its wheels are for others"),
        "{said}"
    );
}

fn a_wheel_that_is_not_what_it_says_is_refused() {
    let wheel = || Wheel::new("first", "1.0", "py3-none-any");
    let info = wheel().dist_info();
    let without_module = format!("{info}/METADATA,sha256=AA,1\n{info}/RECORD,,\n");
    for (wheel, why) in [
        (wheel().file("../first.py", b""), "leads out of it"),
        (wheel().file("/etc/cron.d/first", b""), "leads out of it"),
        (wheel().file("a/../../first.py", b""), "leads out of it"),
        (wheel().file("a\\..\\b.py", b""), "leads out of it"),
        (wheel().file_with_mode("link", b"/etc/passwd", 0o120_777), "link is a symbolic link"),
        (wheel().file("first-1.0.data/elsewhere/x", b""), "belongs to no place"),
        (wheel().file("first-1.0.data/scripts/a/b", b""), "belongs to no place"),
        (wheel().file("other-1.0.dist-info/METADATA", b"Name: other\n"), "exactly one folder"),
        (wheel().file(&format!("{info}/METADATA"), b"Name: other\nVersion: 1.0\n"), "METADATA says other 1.0"),
        // A few kilobytes that stand for much more.
        (wheel().file(&format!("{info}/METADATA"), &[b'\n'; 17 << 20]), "METADATA has more than 16 MiB"),
        (Wheel { record: Some("\n".repeat(17 << 20)), ..wheel() }, "RECORD has more than 16 MiB"),
        (wheel().file(&format!("{info}/WHEEL"), b"Wheel-Version: 2.0\n"), "its format has the version 2.0"),
        (wheel().file(&format!("{info}/entry_points.txt"), b"[console_scripts]\n../x = a:b\n"), "cannot be read"),
        (Wheel { record: Some(without_module), ..wheel() }, "RECORD does not have first"),
        (
            Wheel {
                record: Some(format!(
                    "first.py,sha256=AA,1\n{info}/METADATA,sha256=AA,1\n{info}/WHEEL,sha256=AA,1\n{info}/RECORD,,\n"
                )),
                ..wheel()
            },
            "has another digest than RECORD says",
        ),
    ] {
        let said = Project::new("first==1.0\n", &[wheel]).refused();
        assert!(said.contains("the wheel first-1.0-py3-none-any.whl is not valid"), "{said}");
        assert!(said.contains(why), "{why}: {said}");
    }

    // Another file than the index says.
    let project = Project::new("first==1.0\n", &[wheel()]);
    let honest = index(&[wheel()]);
    let mut swapped = std::collections::HashMap::new();
    swapped.insert("files/first-1.0-py3-none-any.whl".to_owned(), wheel().file("more.py", b"").bytes());
    let digest = stackdeb::system::hash::Sha256::of(&wheel().bytes());
    let link = format!("<a href='../../files/first-1.0-py3-none-any.whl#sha256={digest}'>x</a>");
    swapped.insert("simple/first/".to_owned(), link.into_bytes());
    honest.replace(swapped);
    let project = Project { index: Some(honest), ..project };
    let said = project.refused();
    assert!(said.contains("but") && said.contains("is expected") && said.contains("so it was discarded"), "{said}");

    // Nobody listens at port 1 (tcpmux, RFC 1078).
    let output = project.command("deb").env("PIP_INDEX_URL", "http://127.0.0.1:1/simple").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("cannot be downloaded") && !project.path("dist").exists(), "{}", text(&output));

    // Two libraries with one file.
    let two = [wheel().file("same.py", b"1\n"), Wheel::new("second", "1.0", "py3-none-any").file("same.py", b"2\n")];
    let said = Project::new("first==1.0\nsecond==1.0\n", &two).refused();
    assert!(said.contains("both have the file /usr/lib/shop/python3/same.py"), "{said}");
    let equal = [wheel().file("same.py", b"1\n"), Wheel::new("second", "1.0", "py3-none-any").file("same.py", b"1\n")];
    Project::new("first==1.0\nsecond==1.0\n", &equal).built();
}

fn scripts_have_the_servers_interpreter_and_other_data_their_place() {
    let wheel = Wheel::new("first", "1.0", "py3-none-any")
        .file("first-1.0.dist-info/entry_points.txt", b"[console_scripts]\nfirst-run = first:VERSION.upper\n")
        // In a virtual environment, Python's own would win.
        .file("typing.py", b"raise SystemExit('the wrong one')\n")
        .file("telnetlib.py", b"# Python 3.13 has none.\n")
        .file("first-1.0.data/scripts/plain", b"#!python -u\nprint(1)\n")
        // pip lets the entry point win.
        .file("first-1.0.data/scripts/first-run", b"#!python\nraise SystemExit('the wrong one')\n")
        .file("first-1.0.data/scripts/shell", b"#!/bin/sh\necho 2\n")
        .file("first-1.0.data/data/share/first/data.txt", b"data\n")
        .file("first-1.0.data/purelib/inner/__init__.py", b"")
        .file("inner/__pycache__/x.cpython-313.pyc", b"odd")
        .file_with_mode("tool.py", b"#!/usr/bin/python3\n", 0o100_755);
    let tree = Project::new("first==1.0\n", &[wheel]);
    let tree = (tree.built(), tree);
    let at = |path: &str| fs::read_to_string(tree.0.join("usr/lib/shop").join(path)).unwrap();
    assert_eq!(at("bin/plain"), "#!/usr/bin/python3 -u\nprint(1)\n");
    assert_eq!(at("bin/shell"), "#!/bin/sh\necho 2\n");
    assert_eq!(at("share/first/data.txt"), "data\n");
    assert!(tree.0.join("usr/lib/shop/python3/inner/__init__.py").exists());
    assert!(!tree.0.join("usr/lib/shop/python3/typing.py").exists());
    assert!(tree.0.join("usr/lib/shop/python3/telnetlib.py").exists());
    let said = text(&tree.1.command("check").output().unwrap());
    assert!(said.contains("first-1.0-py3-none-any.whl: its `typing.py` is left out"), "{said}");
    assert!(!tree.0.join("usr/lib/shop/python3/inner/__pycache__").exists());
    let modes = run(Command::new("stat").args(["-c", "%a"]).args(
        ["bin/plain", "bin/shell", "bin/first-run", "python3/tool.py", "python3/first.py"]
            .map(|path| tree.0.join("usr/lib/shop").join(path)),
    ));
    assert_eq!(modes.split_whitespace().collect::<Vec<_>>(), ["755", "755", "755", "755", "644"]);
    // The program finds its library by itself, from any folder.
    let script = at("bin/first-run").replace("/usr/lib/shop", &tree.0.join("usr/lib/shop").display().to_string());
    let moved = tree.1.path("first-run.py");
    fs::write(&moved, script).unwrap();
    let output = Command::new("python3").arg(&moved).current_dir("/").output().unwrap();
    assert!(text(&output).contains("1.0"), "{}", text(&output));
}
