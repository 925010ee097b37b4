//! What a suite's Python accepts (tags of wheels, environment markers, versions), as Python's own library `packaging` judges
//! it, which is a part of pip.

use std::process::Command;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{Requirement, VerbatimUrl};
use stackdeb::apt::{SUITES, Suite};
use stackdeb::python::{PythonTarget, standard};
use support::run;

/// Runs a script of Python that can import `packaging` out of the pip that Python itself brings along.
fn packaging(script: &str) -> String {
    let find = "import sys, glob, ensurepip, os\n\
        bundled = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')\n\
        found = glob.glob(bundled) + glob.glob('/usr/share/python-wheels/pip-*.whl')\n\
        sys.path.insert(0, found[0])\n";
    run(Command::new("python3").arg("-c").arg(format!("{find}{script}")))
}

#[test]
fn the_tags_of_each_suite_are_those_of_packaging_in_the_same_order() {
    for suite in &SUITES {
        let target = PythonTarget::of(suite).unwrap();
        let (minor, (_, glibc)) = (target.minor, target.glibc);
        let script = format!(
            "from pip._vendor.packaging import tags\n\
             legacy = {{17: 'manylinux2014', 12: 'manylinux2010', 5: 'manylinux1'}}\n\
             platforms = []\n\
             for n in range({glibc}, 4, -1):\n    \
                 platforms.append(f'manylinux_2_{{n}}_x86_64')\n    \
                 if n in legacy: platforms.append(legacy[n] + '_x86_64')\n\
             platforms.append('linux_x86_64')\n\
             version = (3, {minor})\n\
             for tag in tags.cpython_tags(version, ['cp3{minor}'], platforms): print(tag)\n\
             for tag in tags.compatible_tags(version, 'cp3{minor}', platforms): print(tag)\n"
        );
        let theirs = packaging(&script);
        let mut expected: Vec<&str> = Vec::new();
        for tag in theirs.lines() {
            if !expected.contains(&tag) {
                expected.push(tag);
            }
        }
        assert!(expected.len() > 500);
        assert_eq!(target.tags(), expected, "{}", suite.name);
    }
}

#[test]
fn markers_and_versions_are_judged_as_packaging_does() {
    let markers = [
        "python_version >= '3.9'",
        "python_version < '3.13'",
        "python_full_version >= '3.13.5'",
        "sys_platform == 'win32'",
        "sys_platform != 'win32' and implementation_name == 'cpython'",
        "platform_system == 'Linux' and platform_machine in 'x86_64 amd64'",
        "os_name == 'nt' or platform_python_implementation == 'CPython'",
        "platform_machine == 'aarch64' or platform_machine == 'x86_64'",
        "python_version in '3.12 3.13'",
        "extra == 'async'",
        "extra == 'other'",
        "python_version ~= '3.10'",
    ];
    let target = PythonTarget::of(Suite::find("trixie").unwrap()).unwrap();
    let script = format!(
        "from pip._vendor.packaging.markers import Marker\n\
         env = dict(implementation_name='cpython', implementation_version='3.13.5', os_name='posix',\n  \
           platform_machine='x86_64', platform_python_implementation='CPython', platform_release='',\n  \
           platform_system='Linux', platform_version='', python_full_version='3.13.5', python_version='3.13',\n  \
           sys_platform='linux', extra='async')\n\
         for text in {markers:?}: print(Marker(text).evaluate(env))\n"
    );
    let theirs = packaging(&script);
    let extras = ["async".parse().unwrap()];
    let ours = markers.map(|marker| {
        let requirement = Requirement::<VerbatimUrl>::from_str(&format!("a ; {marker}")).unwrap();
        if requirement.evaluate_markers(target.markers(), &extras) { "True" } else { "False" }
    });
    assert_eq!(ours.to_vec(), theirs.lines().collect::<Vec<_>>());
    assert!(ours.contains(&"True") && ours.contains(&"False"));

    let specifiers = [">=2.0,<3", "==2.1.*", "~=2.1", "!=2.1.3", "==2.1.3", ">2.1", "<=2.1.3", "==2.1.3+local"];
    let versions = ["2.1", "2.1.3", "2.1.3.post1", "2.1.3+local", "3.0", "3.0rc1", "2.1.3.dev1", "2.10"];
    let script = format!(
        "from pip._vendor.packaging.specifiers import SpecifierSet\n\
         for spec in {specifiers:?}:\n  for version in {versions:?}:\n    \
           print(spec, version, SpecifierSet(spec).contains(version, prereleases=True))\n"
    );
    let mut ours = String::new();
    for specifier in specifiers {
        for version in versions {
            let holds = VersionSpecifiers::from_str(specifier).unwrap().contains(&Version::from_str(version).unwrap());
            ours.push_str(&format!("{specifier} {version} {}\n", if holds { "True" } else { "False" }));
        }
    }
    assert_eq!(ours, packaging(&script));
}

/// The names of its standard library, as this machine's Python has them and its package `python3` brings them along.
#[test]
fn the_standard_library_has_the_modules_that_python_names() {
    let script = "import importlib.util, sys\n\
        print(sys.version_info.minor)\n\
        for name in sorted(sys.stdlib_module_names):\n    \
            if not name.startswith('_') and importlib.util.find_spec(name): print(name)\n";
    let said = run(Command::new("python3").args(["-I", "-c", script]));
    let (minor, names) = said.split_once('\n').unwrap();
    let minor: u32 = minor.parse().unwrap();
    // Debian has these in packages of their own.
    let apart = [
        "distutils",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "nis",
        "pydoc_data",
        "tkinter",
        "turtle",
        "turtledemo",
        "venv",
    ];
    for name in names.lines() {
        assert_eq!(standard::has(name, minor), !apart.contains(&name), "{name} of Python 3.{minor}");
    }
    for name in standard::names(minor) {
        assert!(names.lines().any(|known| known == name), "Python 3.{minor} has no {name}");
    }
    // "What's New In Python 3.13": PEP 594 removes these.
    assert!(standard::has("telnetlib", 12) && !standard::has("telnetlib", 13) && !standard::has("tomllib", 10));
}
