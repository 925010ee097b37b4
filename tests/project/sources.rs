//! Libraries that have source code alone: built in the sandbox, with what the lock says that the build needs. The libraries are
//! the test's own, and so is their index; setuptools is the real one.

use std::fs;
use std::process::Command;

use support::sdists::Sdist;
use support::wheels::{Wheel, index_of};
use support::{kept, run, text};
use tar::EntryType;

use crate::build_command::{builder, share};
use crate::libraries::{Project, pip};
use crate::library_locks::with_resolver;
use libtest_mimic::Trial;
use support::room::{for_soak, in_namespaces};

pub fn trials() -> Vec<Trial> {
    let first = in_namespaces(support::tests![
        a_library_without_a_wheel_is_built_from_its_source,
        a_library_in_c_names_the_build_packages_that_it_lacks,
        a_build_reaches_nothing_outside_of_its_sandbox,
        a_source_distribution_that_is_not_what_it_says_is_refused
    ]);
    first.into_iter().chain(for_soak(support::tests![a_library_in_c_is_compiled_with_its_build_packages])).collect()
}

/// What the real build of a library needs: files of the Python Package Index.
fn tools() -> Vec<(String, String, Vec<u8>)> {
    let folder = kept().join("build-tools");
    if !folder.exists() {
        let fresh = tempfile::tempdir_in(kept()).unwrap();
        let mut download = Command::new(pip());
        download.args(["download", "--quiet", "--only-binary", ":all:", "setuptools", "wheel", "--dest"]);
        run(download.arg(fresh.path()));
        fs::rename(fresh.keep(), &folder).unwrap();
    }
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name.split('-').next().unwrap().to_owned(), name, fs::read(&path).unwrap())
    };
    support::listing(&folder).into_iter().filter(|path| path.is_file()).map(file).collect()
}

/// A project whose index has these.
fn project(requirements: &str, sdists: &[Sdist], wheels: &[Wheel]) -> Project {
    let mut project = Project::new(requirements, &[]);
    let sources = sdists.iter().map(|sdist| (sdist.name.clone(), sdist.file_name(), sdist.bytes()));
    let wheels = wheels.iter().map(|wheel| (wheel.name.clone(), wheel.file_name(), wheel.bytes()));
    project.index = Some(index_of(sources.chain(wheels).chain(tools())));
    share(&project.path("cache/stackdeb"));
    project
}

/// A text without white space: messages are broken to the width of a terminal, also within a word.
fn packed(text: &str) -> String {
    text.replace(|c: char| c.is_whitespace() || c == '│', "")
}

/// Runs `stackdeb lock` with uv or pip: its output, or its message if it fails.
fn lock(project: &Project, uv: bool) -> Result<String, String> {
    let mut command = project.lock();
    with_resolver(&mut command, uv);
    let output = command.output().unwrap();
    let said = text(&output);
    if output.status.success() { Ok(said) } else { Err(said) }
}

fn set_app(project: &Project, lines: &str) {
    support::edition::edit(&project.path("stack.toml"), "[app]\n", &format!("[app]\n{lines}\n"));
}

/// In the old form, with a requirement that its program alone knows, and one of its own when it runs.
fn pure() -> Sdist {
    let setup = "from setuptools import setup\nimport sys\n\
        if 'bdist_wheel' in sys.argv:\n    import helper\n\
        setup(name='pure-code', version='1.5', py_modules=['pure_code'], setup_requires=['helper<2'],\n      \
        install_requires=['core'], entry_points={'console_scripts': ['pure = pure_code:main']})\n";
    let module = "import core\n\ndef main():\n    print('pure', core.VERSION)\n";
    Sdist::new("pure-code", "1.5").file("setup.py", setup).file("pure_code.py", module)
}

fn a_library_without_a_wheel_is_built_from_its_source() {
    let _builder = builder();
    let wheels = [
        Wheel::new("core", "2.0", "py3-none-any"),
        Wheel::new("helper", "1.0", "py3-none-any"),
        Wheel::new("helper", "2.0", "py3-none-any"),
        Wheel::new("web", "1.0", "py3-none-any").metadata("Requires-Dist: pure-code >=1,<2\n"),
        // With two versions that ask for it, pip speaks of a conflict between them.
        Wheel::new("web", "0.9", "py3-none-any").metadata("Requires-Dist: pure-code >=1,<1.4\n"),
        Wheel::new("pure-code", "1.6", "cp311-cp311-manylinux_2_17_x86_64"),
    ];
    let newer = Sdist::of_itself("pure_code", "2.0", "");
    let project = project("web\n", &[pure(), newer], &wheels);
    set_app(&project, "build-command = \"python look.py\"");
    fs::write(project.path("app/look.py"), "import pure_code, sys\nopen('report', 'w').write(pure_code.__file__)\n")
        .unwrap();
    let said = project.refused();
    assert!(said.contains("run `stackdeb lock`"), "{said}");
    let mut locks = Vec::new();
    for uv in [true, false] {
        let said = lock(&project, uv).unwrap();
        assert!(said.contains("pure-code 1.5 has no wheel: it is built from its source\n"), "{said}");
        locks.push(fs::read_to_string(project.path("stack.lock")).unwrap());
    }
    assert_eq!(locks[0], locks[1]);
    for file in ["pure_code-1.5.tar.gz", "helper-1.0-py3-none-any.whl", "{ name = \"setuptools-", "core-2.0"] {
        assert!(locks[0].contains(file), "{file}: {}", locks[0]);
    }
    let checked = run(&mut project.command("check"));
    assert!(checked.contains("library   pure-code 1.5 has no wheel: it is built from its source\n"), "{checked}");

    let tree = project.built();
    let library = "usr/lib/shop/python3/pure_code.py";
    assert!(tree.join(library).is_file() && tree.join("usr/lib/shop/bin/pure").is_file());
    assert!(tree.join("usr/lib/shop/python3/pure_code-1.5.dist-info/RECORD").is_file());
    assert!(!tree.join("usr/lib/shop/python3/helper.py").exists(), "a tool of the build is packed");
    // The Python of the target has found it.
    assert_eq!(fs::read_to_string(tree.join("usr/share/shop/report")).unwrap(), format!("/{library}"));

    // Without a network and without the mirror, what was built is used.
    let package = fs::read(project.path("dist/shop.deb")).unwrap();
    let mut alone = Command::new("unshare");
    alone.args(["--net", "--map-root-user"]).arg(support::program("stackdeb")).arg("deb");
    alone.current_dir(project.path(".")).env("XDG_CACHE_HOME", project.path("cache"));
    run(alone.env("PIP_INDEX_URL", format!("{}/simple", project.index.as_ref().unwrap().address)));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "another package");

    // Made again from the lock, it has the same bytes; and nobody is asked for versions.
    for folder in ["wheels", "built", "index-pages"] {
        fs::remove_dir_all(project.path("cache/stackdeb").join(folder)).unwrap();
    }
    run(project.command("deb").env("PATH", "/usr/bin:/bin"));
    assert!(fs::read(project.path("dist/shop.deb")).unwrap() == package, "another package");
}

/// An extension in C, by setuptools.
fn compiled() -> Sdist {
    let settings = "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\
        [project]\nname = \"fast\"\nversion = \"1.0\"\n";
    let setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('fast', ['fast.c'])])\n";
    let code = "#include <Python.h>\nstatic struct PyModuleDef module = { PyModuleDef_HEAD_INIT, \"fast\", __FILE__ };\n\
        PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }\n";
    Sdist::new("fast", "1.0").file("pyproject.toml", settings).file("setup.py", setup).file("fast.c", code)
}

fn a_library_in_c_names_the_build_packages_that_it_lacks() {
    let _builder = builder();
    let project = project("fast\n", &[compiled()], &[]);
    let said = lock(&project, true).unwrap_err();
    for words in ["fast 1.0 cannot be built from fast-1.0.tar.gz", "[app] build-packages = [\"gcc\", \"python3-dev\"]"]
    {
        assert!(packed(&said).contains(&packed(words)), "{words}: {said}");
    }
    assert!(!project.path("stack.lock").exists());
    set_app(&project, "build-packages = [\"G++ (1)\"]");
    let said = project.refused();
    assert!(said.contains("app.build-packages"), "{said}");
}

/// The root with a compiler is made for it from nothing.
fn a_library_in_c_is_compiled_with_its_build_packages() {
    let _builder = builder();
    let project = project("fast\n", &[compiled()], &[]);
    set_app(
        &project,
        "build-packages = [\"gcc\", \"python3-dev\"]\n\
         build-command = \"python -c 'import fast; open(\\\"report\\\", \\\"w\\\").write(fast.__doc__)'\"",
    );
    lock(&project, true).unwrap();
    let wheels = project.path("cache/stackdeb/wheels");
    let made = || -> Vec<(String, Vec<u8>)> {
        let built =
            support::listing(&wheels).into_iter().filter(|path| path.extension().is_some_and(|end| end == "built"));
        let notes = built.map(|path| fs::read_to_string(path).unwrap());
        let digest = |note: String| note.split(' ').next().unwrap().to_owned();
        notes.map(digest).map(|name| (name.clone(), fs::read(wheels.join(format!("{name}.whl"))).unwrap())).collect()
    };
    // Made again, it has the same bytes.
    let first = made();
    fs::remove_dir_all(&wheels).unwrap();
    let tree = project.built();
    assert!(!first.is_empty() && made() == first, "another wheel");
    let depends = project.depends();
    for relation in ["python3 (>= 3.13)", "python3 (<< 3.14)", "libc6 (>= "] {
        assert!(depends.contains(relation), "{depends}");
    }
    for absent in [" gcc", "python3-dev"] {
        assert!(!depends.contains(absent), "{depends}");
    }
    assert_eq!(fs::read_to_string(tree.join("usr/share/shop/report")).unwrap(), "fast.c");
}

fn a_build_reaches_nothing_outside_of_its_sandbox() {
    let _builder = builder();
    let outside = kept().join("written-by-a-build");
    let code = format!(
        r#"
import socket

def make():
    lines = []
    for path in ["{outside}", "/usr/lib/x", "/mnt/tools/x", "/etc/passwd", "/mnt/tools/python3/x.py"]:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "a").write("x")
            # The first may be in a folder that the sandbox has for itself, such as /tmp.
            lines += [path] if path != "{outside}" else []
        except OSError:
            pass
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=5)
        network = "reached"
    except OSError as error:
        network = error.strerror
    return f"WROTE = {{lines}}\nNETWORK = {{network!r}}\n".encode()
"#,
        outside = outside.display()
    );
    // What a build leaves instead of its wheel may lead to a file of this machine.
    let link = "def get_requires_for_build_wheel(config_settings=None):\n    return []\n\
        def make():\n    raise SystemExit\n\
        import atexit\natexit.register(lambda: os.symlink('/etc/passwd', '/mnt/made/answer.json'))\n";
    let other = "VERSION = '9.9'\n";
    let sdists = [
        Sdist::of_itself("writes", "1.0", &code),
        Sdist::of_itself("leaves", "1.0", link),
        Sdist::of_itself("becomes", "1.0", other),
        Sdist::of_itself(
            "lacks",
            "1.0",
            "def get_requires_for_build_wheel(config_settings=None):\n    return ['x @ file:///x']\n",
        ),
    ];
    let writes = project("writes\n", &sdists, &[]);
    lock(&writes, true).unwrap();
    let tree = writes.built();
    assert_eq!(
        fs::read_to_string(tree.join("usr/lib/shop/python3/writes.py")).unwrap(),
        "WROTE = []\nNETWORK = 'Network is unreachable'\n"
    );
    assert!(!outside.exists());
    for (name, why) in [
        ("leaves", "has left no answer that can be read"),
        ("becomes", "has made `becomes-9.9-py3-none-any.whl`, and not a wheel of it"),
        ("lacks", "its build needs `x @ file:///x`, which names an address"),
    ] {
        fs::write(writes.path("requirements.txt"), format!("{name}\n")).unwrap();
        let said = lock(&writes, true).unwrap_err();
        assert!(packed(&said).contains(&packed(why)) && !said.contains("root:x:0"), "{name}: {said}");
    }
}

fn a_source_distribution_that_is_not_what_it_says_is_refused() {
    let _builder = builder();
    let own = || Sdist::of_itself("own", "1.0", "");
    for (sdist, why) in [
        (own().entry("../own.py", EntryType::Regular, "x"), "the path `../own.py` leads out of it"),
        (own().entry("/etc/cron.d/own", EntryType::Regular, "x"), "the path `/etc/cron.d/own` leads out of it"),
        (own().entry("own-1.0/a/../../b", EntryType::Regular, "x"), "leads out of it"),
        (own().entry("own-1.0/link", EntryType::Symlink, "/etc/passwd"), "the link `own-1.0/link` leads out of it"),
        (own().entry("own-1.0/link", EntryType::Symlink, "../x"), "the link `own-1.0/link` leads out of it"),
        (own().entry("own-1.0/link", EntryType::Link, "../etc/passwd"), "the link `own-1.0/link` leads out of it"),
        (own().entry("own-1.0/pipe", EntryType::Fifo, ""), "is neither a file nor a folder nor a link"),
        (own().entry("other/x", EntryType::Regular, "x"), "not everything is in one folder"),
        (own().file("pyproject.toml", "[build-system]\nrequires = [\"-r /etc/passwd\"]\n"), "is not a requirement"),
        (own().file("pyproject.toml", "[build-system]\n"), "missing field `requires`"),
    ] {
        let said = lock(&project("own\n", &[sdist], &[]), true).unwrap_err();
        for words in ["own-1.0.tar.gz is not valid", why] {
            assert!(packed(&said).contains(&packed(words)), "{words}: {said}");
        }
    }

    // Another content under the digest of the lock, for the source and for what builds it.
    let other = format!("sha256 = \"{}\"", "0".repeat(64));
    let digest = stackdeb::system::hash::Sha256::of(&own().bytes());
    let honest = project("own\n", &[own()], &[]);
    lock(&honest, true).unwrap();
    let text = fs::read_to_string(honest.path("stack.lock")).unwrap();
    let with = |text: String| fs::write(honest.path("stack.lock"), text).unwrap();
    let refused = |why: &str| {
        let said = honest.refused();
        assert!(packed(&said).contains(&packed(why)), "{why}: {said}");
    };
    with(text.replace(&format!("sha256 = \"{digest}\""), &other));
    refused(&format!("has the SHA-256 {digest}, but {} is expected", "0".repeat(64)));
    // Without the list of what the build needs, and with a tool that is not there.
    with(text.replace("build-requirements = [\n]", "build-requirements = [\n{ name = \"helper-1.0-py3-none-any.whl\", url = \"http://127.0.0.1:1/x.whl\", hashes = { sha256 = \"00\" } }]"));
    refused("what builds own");
    with(text.replace("[packages.tool.stackdeb]\nbuild-requirements = [\n]\n", ""));
    refused("no lock says what the build of its source needs");
    with(text);
    honest.built();
}
