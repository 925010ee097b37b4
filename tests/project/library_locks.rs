//! Locks: `stackdeb lock`, and the locks of other tools. The libraries come from an index of the test's own, and Debian's pip from the archive.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use stackdeb::system::hash::Sha256;
use support::mirror::Mirror;
use support::wheels::Wheel;
use support::{kept, run};

use crate::build_command::builder;
use crate::libraries::{Project, files, names, pip};
use libtest_mimic::Trial;
use support::room::{for_soak, in_namespaces};

pub fn trials() -> Vec<Trial> {
    let by_pip_too = in_namespaces(support::tests![
        versions_are_chosen_for_the_targets_python_by_uv_and_by_pip,
        a_wheel_may_be_named_by_its_address
    ]);
    let tests = support::tests![
        pyproject_has_requirements_too,
        the_locks_of_other_tools_are_read,
        no_version_is_chosen_of_a_library_that_debian_provides,
        debians_packages_take_the_place_of_libraries_where_they_fit
    ];
    let of_poetry = for_soak(support::tests![the_lock_that_poetry_writes_is_read]);
    by_pip_too.into_iter().chain(tests).chain(of_poetry).collect()
}

/// An index with several versions, of which the newest do not always fit.
fn wheels() -> Vec<Wheel> {
    let of = |name: &str, version: &str, needs: &str| Wheel::new(name, version, "py3-none-any").metadata(needs);
    vec![
        of("web", "1.0", "Requires-Dist: core >=1\n"),
        of(
            "web",
            "2.0",
            "Provides-Extra: fast\nRequires-Dist: core <2\nRequires-Dist: speed ; extra == 'fast'\n\
            Requires-Dist: old-only ; python_version < '3.12'\nRequires-Dist: new-only ; python_version >= '3.12'\n",
        ),
        of("core", "1.5", ""),
        of("core", "2.0", ""),
        of("speed", "1.0", ""),
        Wheel::new("speed", "2.0", "cp311-cp311-manylinux_2_17_x86_64"),
        of("old-only", "1.0", ""),
        // The Python of this computer may be another one.
        of("new-only", "1.0", "Requires-Python: ==3.13.*\n"),
    ]
}

/// What the package of a project has.
fn installed(project: &Project) -> Vec<String> {
    let all = names(&project.built().join("usr/lib/shop/python3")).into_iter();
    all.filter_map(|name| name.strip_suffix(".dist-info").map(str::to_owned)).collect()
}

const CHOSEN: [&str; 4] = ["core-1.5", "new_only-1.0", "speed-1.0", "web-2.0"];

/// A search path on which there is uv, or neither uv nor pip: then the pip of the suite chooses.
pub(super) fn with_resolver(command: &mut Command, uv: bool) {
    if !uv {
        let path = "/usr/bin:/bin";
        assert!(!path.split(':').any(|folder| Path::new(folder).join("uv").exists()), "uv is in {path}");
        command.env("PATH", path);
        return;
    }
    let folder = kept().join("with-uv");
    fs::create_dir_all(&folder).unwrap();
    for name in ["python3", "uv"] {
        // The virtual environment's Python knows its folder by the path that it is started with.
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", pip().with_file_name(name).display());
        let program = folder.join(name);
        if !fs::read_to_string(&program).is_ok_and(|old| old == script) {
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        }
    }
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
}

/// uv itself, in a project with that index.
fn uv(project: &Project, arguments: &[&str]) {
    let mut command = Command::new(pip().with_file_name("uv"));
    command.args(arguments).arg("--quiet").current_dir(project.path("."));
    command.env("UV_DEFAULT_INDEX", format!("{}/simple", project.index.as_ref().unwrap().address));
    run(command.env("UV_PYTHON", pip().with_file_name("python3")));
}

fn versions_are_chosen_for_the_targets_python_by_uv_and_by_pip() {
    let _builder = builder();
    let mut locks = Vec::new();
    for uv in [true, false] {
        let project = Project::new("web[fast]\n", &wheels()).with_shared_roots();
        let said = project.refused();
        assert!(said.contains("`web` has no exact version") && said.contains("run `stackdeb lock`"), "{said}");
        let mut lock = project.lock();
        with_resolver(&mut lock, uv);
        let said = run(&mut lock);
        assert!(said.contains("web 2.0\n") && said.contains("stack.lock: 4 libraries"), "{said}");
        assert_eq!(installed(&project), CHOSEN);
        let address = &project.index.as_ref().unwrap().address;
        locks.push(fs::read_to_string(project.path("stack.lock")).unwrap().replace(address, "INDEX"));

        // Another requirement, another suite: the lock does not fit any more.
        let lock = fs::read_to_string(project.path("stack.lock")).unwrap();
        fs::remove_dir_all(project.path("dist")).unwrap();
        fs::write(project.path("requirements.txt"), "# Still the same\nweb[fast]\n").unwrap();
        assert_eq!(installed(&project), CHOSEN);
        fs::remove_dir_all(project.path("dist")).unwrap();
        fs::write(project.path("requirements.txt"), "web[fast]\ncore<2\n").unwrap();
        let said = project.refused();
        assert!(said.contains("stack.lock does not fit: requirements.txt asks for something else now"), "{said}");
        fs::write(project.path("requirements.txt"), "web[fast]\n").unwrap();
        let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
        fs::write(project.path("stack.toml"), manifest.replace("[[change", "[image]\nsuite = \"noble\"\n[[change"))
            .unwrap();
        let said = project.refused();
        assert!(said.contains("it was made for the suite trixie, and [image] suite is noble"), "{said}");

        // What cannot be solved leaves the lock as it was.
        fs::write(project.path("stack.toml"), manifest).unwrap();
        fs::write(project.path("requirements.txt"), "web==2.0\ncore==2.0\n").unwrap();
        let mut lock_again = project.lock();
        with_resolver(&mut lock_again, uv);
        let output = lock_again.output().unwrap();
        let said = support::text(&output);
        assert!(!output.status.success() && said.contains("finds no versions that fit together"), "{said}");
        assert_eq!(fs::read_to_string(project.path("stack.lock")).unwrap(), lock);
    }
    assert_eq!(locks[0], locks[1]);
}

fn a_wheel_may_be_named_by_its_address() {
    let _builder = builder();
    // On another server than the index, which does not have it.
    let wheel = Wheel::new("direct", "3.0", "py3-none-any").metadata("Requires-Dist: core <2\n");
    let path = format!("elsewhere/{}", wheel.file_name());
    let server = Mirror::start([(path.clone(), wheel.bytes())].into());
    let (url, digest) = (format!("{}/{path}", server.address), Sha256::of(&wheel.bytes()));
    for line in [format!("direct @ {url}#sha256={digest}"), format!("direct @ {url} --hash=sha256:{digest}")] {
        let project = Project::new(&format!("{line}\n"), &wheels()).with_shared_roots();
        let said = project.refused();
        assert!(said.contains("direct 3.0 needs `core") && said.contains("run `stackdeb lock`"), "{said}");
        for uv in [true, false] {
            let mut lock = project.lock();
            with_resolver(&mut lock, uv);
            let said = run(&mut lock);
            assert!(said.contains("direct 3.0\n") && said.contains("stack.lock: 2 libraries"), "{said}");
            assert_eq!(installed(&project), ["core-1.5", "direct-3.0"]);
            fs::remove_dir_all(project.path("dist")).unwrap();
        }
        // uv reads the lock as well, and takes the same, for the Python of this machine.
        let lock = fs::read_to_string(project.path("stack.lock")).unwrap();
        fs::write(project.path("pylock.toml"), lock.replace("==3.13.*", ">=3.10")).unwrap();
        uv(&project, &["pip", "install", "--target", "by-uv", "-r", "pylock.toml"]);
        assert!(project.path("by-uv/direct.py").exists() && project.path("by-uv/core.py").exists());
    }
    let project = Project::new(&format!("core==1.5\ndirect @ {url}#sha256={digest}\n"), &wheels());
    assert_eq!(installed(&project), ["core-1.5", "direct-3.0"]);

    let other = Sha256::of(b"something else");
    let project = Project::new(&format!("core==1.5\ndirect @ {url}#sha256={other}\n"), &wheels());
    let said = project.refused();
    assert!(said.contains(&format!("{digest}, but {other} is expected")), "{said}");
}

fn pyproject_has_requirements_too() {
    let project = Project::new("", &wheels());
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    fs::write(project.path("stack.toml"), manifest.replace("requirements.txt", "pyproject.toml")).unwrap();
    fs::write(
        project.path("pyproject.toml"),
        "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"web[fast]>=1\"]\n",
    )
    .unwrap();
    let said = project.refused();
    assert!(said.contains("pyproject.toml, [project] dependencies: `web` has no exact version"), "{said}");
    let mut lock = project.lock();
    with_resolver(&mut lock, true);
    run(&mut lock);
    assert_eq!(installed(&project), CHOSEN);
}

fn the_locks_of_other_tools_are_read() {
    // uv's own, made by uv for all platforms and Pythons; with a group for tests, which stays out.
    let project = Project::new("", &wheels());
    let pyproject = "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"web[fast]\", \"speed<2\"]\n\
        [dependency-groups]\ndev = [\"old-only\"]\n";
    fs::write(project.path("pyproject.toml"), pyproject).unwrap();
    uv(&project, &["lock"]);
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    let with = |file: &str| fs::write(project.path("stack.toml"), manifest.replace("requirements.txt", file)).unwrap();
    with("uv.lock");
    assert_eq!(installed(&project), CHOSEN);

    // PEP 751, exported by uv.
    uv(&project, &["export", "--no-dev", "--no-emit-project", "--format", "pylock.toml", "-o", "pylock.toml"]);
    with("pylock.toml");
    assert_eq!(installed(&project), CHOSEN);
    let ours = files(&project.path("tree/usr/lib/shop/python3"));
    assert!(ours.len() > 8);

    // Poetry's, written by hand: the test below has Poetry write one, and here are the ways in which it can be wrong.
    let hash = |at: usize| Sha256::of(&wheels()[at].bytes());
    let package = |name: &str, version: &str, at: usize, more: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndescription = \"\"\noptional = false\npython-versions = \"*\"\n\
             {more}\nfiles = [{{file = \"x.whl\", hash = \"sha256:{}\"}}]\n\n",
            hash(at)
        )
    };
    let main = "groups = [\"main\"]";
    let text = package("web", "2.0", 1, main)
        + &package("core", "1.5", 2, main)
        + &package("speed", "1.0", 4, "groups = [\"main\", \"dev\"]")
        + &package("old-only", "1.0", 6, "groups = [\"main\"]\nmarkers = \"python_version < '3.12'\"")
        + &package(
            "new-only",
            "1.0",
            7,
            "groups = [\"main\", \"dev\"]\nmarkers = {main = \"python_version >= '3.12'\"}",
        )
        + &package("tests", "1.0", 0, "groups = [\"dev\"]")
        + "[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.11\"\ncontent-hash = \"x\"\n";
    fs::write(project.path("poetry.lock"), &text).unwrap();
    with("poetry.lock");
    assert_eq!(installed(&project), CHOSEN);

    fs::remove_dir_all(project.path("dist")).unwrap();
    for (file, text, why) in [
        ("poetry.lock", text.replace("2.1", "1.1"), "its lock-version is 1.1, and stackdeb reads 2"),
        ("poetry.lock", text.replace("groups = [\"main\"]\nmarkers", "markers"), "run `poetry lock` of Poetry 2"),
        ("uv.lock", "version = 9\n".to_owned(), "its version is 9, and stackdeb reads 1"),
        ("uv.lock", "version = 1\n".to_owned(), "the project itself is not in it"),
        ("pylock.toml", "lock-version = \"2.0\"\n".to_owned(), "its lock-version is 2.0"),
        ("pylock.toml", "lock-version = \"1.0\"\nrequires-python = \"<3.13\"\n".to_owned(), "it is for Python <3.13"),
        (
            "pylock.toml",
            "lock-version = \"1.0\"\n[[packages]]\nname = \"web\"\nvcs = { type = \"git\" }\n".to_owned(),
            "web does not come from an index",
        ),
        ("libraries.cfg", String::new(), "is not a file of requirements that stackdeb knows"),
    ] {
        fs::write(project.path(file), text).unwrap();
        with(file);
        let said = project.refused();
        assert!(said.contains(why), "{file}: {said}");
    }
}

/// Poetry itself, in an environment of its own, which is made once.
fn poetry() -> Command {
    let venv = kept().join("poetry-2.5.1");
    if !venv.join("bin/poetry").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "poetry==2.5.1"]));
    }
    Command::new(venv.join("bin/poetry"))
}

fn the_lock_that_poetry_writes_is_read() {
    let mut wheels = wheels();
    // Poetry wants every library for every Python of the project, and its own is among these.
    wheels[7] = Wheel::new("new-only", "1.0", "py3-none-any");
    let project = Project::new("", &wheels);
    let address = &project.index.as_ref().unwrap().address;
    // `old-only` is for tests, and beside that for an older Python.
    let pyproject = format!(
        "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
         dependencies = [\"web[fast]\", \"speed<2\"]\n\
         [tool.poetry]\npackage-mode = false\n[tool.poetry.group.dev.dependencies]\nold-only = \"*\"\n\
         [[tool.poetry.source]]\nname = \"own\"\nurl = \"{address}/simple/\"\npriority = \"primary\"\n"
    );
    fs::write(project.path("pyproject.toml"), pyproject).unwrap();
    let mut lock = poetry();
    lock.args(["lock", "--no-interaction"]).current_dir(project.path("."));
    run(lock.env("POETRY_CACHE_DIR", project.path("poetry-cache")).env("POETRY_VIRTUALENVS_CREATE", "false"));
    let text = fs::read_to_string(project.path("poetry.lock")).unwrap();
    // What it says in each of the forms that are read.
    assert!(text.contains("groups = [\"main\"]") && text.contains("markers = {main = "), "{text}");
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    fs::write(project.path("stack.toml"), manifest.replace("requirements.txt", "poetry.lock")).unwrap();
    assert_eq!(installed(&project), CHOSEN);
}

/// Such as psycopg2, whose source alone is on the index: its build would need a compiler, and would be for nothing.
fn no_version_is_chosen_of_a_library_that_debian_provides() {
    let base = Wheel::new("shop-base", "1.0", "py3-none-any");
    let project = Project::new("shop-base\nclick[colour]>=8,<99\n", &[base]);
    let mut lock = project.lock();
    with_resolver(&mut lock, true);
    assert!(!lock.output().unwrap().status.success(), "the index has no click");
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    let manifest = manifest.replace("[[change", "from-debian = [\"click\"]\n[[change");
    fs::write(project.path("stack.toml"), manifest).unwrap();
    run(&mut lock);
    assert_eq!(installed(&project), ["shop_base-1.0"]);
    assert!(project.depends().contains("python3-click (>= 8)"), "{}", project.depends());
}

fn debians_packages_take_the_place_of_libraries_where_they_fit() {
    let of = |name: &str, version: &str, needs: &str| Wheel::new(name, version, "py3-none-any").metadata(needs);
    let wheels = [
        of(
            "shop-base",
            "1.0",
            "Requires-Dist: PyYAML >=5,<99\nRequires-Dist: blinker ==0.1\nRequires-Dist: unheard-of\n",
        ),
        of("click", "99.0", ""),
        of("pyyaml", "98.0", ""),
        of("blinker", "0.1", ""),
        of("unheard-of", "1.0", ""),
    ];
    let project = Project::new("shop-base\nclick>=8\n", &wheels);
    let mut lock = project.lock();
    with_resolver(&mut lock, true);
    run(&mut lock);
    let locked = ["blinker-0.1", "click-99.0", "pyyaml-98.0", "shop_base-1.0", "unheard_of-1.0"];
    assert_eq!(installed(&project), locked);
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    let with = |value: &str| {
        let text = manifest.replace("[[change", &format!("from-debian = {value}\n[[change"));
        fs::write(project.path("stack.toml"), text).unwrap();
    };
    for (value, packed, depends) in [
        (
            "[\"Click\"]",
            &["blinker-0.1", "pyyaml-98.0", "shop_base-1.0", "unheard_of-1.0"][..],
            &["python3-click (>= 8)"][..],
        ),
        (
            "\"all-that-fit\"",
            &["blinker-0.1", "shop_base-1.0", "unheard_of-1.0"],
            &["python3-click (>= 8)", "python3-yaml (>= 5)", "python3-yaml (<< 99~)"],
        ),
    ] {
        with(value);
        assert_eq!(installed(&project), packed);
        let said = project.depends();
        for relation in depends {
            assert!(said.contains(relation), "{value}: {said}");
        }
        assert!(!said.contains("blinker"), "{said}");
    }
    let checked = run(&mut project.command("check"));
    let line = |name: &str| {
        checked.lines().find(|line| line.contains(&format!("library   {name} "))).unwrap_or(&checked).to_owned()
    };
    assert!(line("click").contains(" from Debian, python3-click 8."), "{}", line("click"));
    assert!(line("click").ends_with(": `click>=8`"), "{}", line("click"));
    assert!(
        line("blinker").contains("python3-blinker") && line("blinker").contains("does not satisfy `==0.1`"),
        "{}",
        line("blinker")
    );
    assert!(line("unheard-of").contains("the suite has no package of it"), "{}", line("unheard-of"));

    with("[\"a b\"]");
    let output = project.command("check").output().unwrap();
    assert!(support::text(&output).contains("`a b` is not a library's name"), "{}", support::text(&output));
}
