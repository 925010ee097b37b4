//! `stackdeb update` and the libraries of `stack.lock`: what moves, what stays, and what is printed. Index and archive are the
//! test's own.

use std::collections::HashMap;
use std::fs;
use std::process::Output;

use support::edition::edit;
use support::mirror::Mirror;
use support::repository::keys;
use support::wheels::{Wheel, index_files};
use support::{run, text};

use crate::build_command::builder;
use crate::libraries::Project;
use crate::library_locks::with_resolver;
use crate::package_locks::{Stub, archive, image_lines, machine};
use libtest_mimic::Trial;
use support::room::in_namespaces;

pub fn trials() -> Vec<Trial> {
    let by_pip_too = in_namespaces(support::tests![named_libraries_move_with_what_they_need_and_no_others]);
    let tests = support::tests![
        a_change_of_the_requirements_moves_only_what_it_has_to,
        a_name_of_both_moves_both_and_what_fails_moves_nothing,
        each_of_several_stacks_has_libraries_of_its_own,
        what_debian_provides_has_no_version_to_move
    ];
    by_pip_too.into_iter().chain(tests).collect()
}

fn wheel(name: &str, version: &str, needs: &[&str]) -> Wheel {
    let lines: String = needs.iter().map(|need| format!("Requires-Dist: {need}\n")).collect();
    Wheel::new(name, version, "py3-none-any").metadata(&lines)
}

fn core(version: &str, speed: &str) -> Wheel {
    wheel("core", version, &[&format!("speed {speed} ; extra == 'fast'")]).metadata("Provides-Extra: fast\n")
}

fn old() -> Vec<Wheel> {
    vec![
        wheel("web", "1.0", &["helper >=1"]),
        wheel("helper", "1.0", &[]),
        wheel("plugin", "1.0", &["engine ==1.0"]),
        wheel("engine", "1.0", &[]),
        wheel("steady", "1.0", &["old-only"]),
        wheel("old-only", "1.0", &[]),
        wheel("top", "1.0", &["core"]),
        core("1.0", "<2"),
        wheel("speed", "1.0", &[]),
        wheel("htop", "98.0", &[]),
    ]
}

/// The old ones are still there.
fn new() -> Vec<Wheel> {
    let new = vec![
        wheel("web", "2.0", &["helper >=2", "fresh"]),
        wheel("helper", "2.0", &[]),
        wheel("fresh", "0.5", &[]),
        wheel("plugin", "2.0", &["engine ==2.0"]),
        wheel("engine", "2.0", &[]),
        wheel("steady", "2.0", &[]),
        wheel("old-only", "2.0", &[]),
        wheel("top", "2.0", &["core[fast]"]),
        core("2.0", ">=2"),
        wheel("speed", "2.0", &[]),
        wheel("htop", "99.0", &[]),
    ];
    [old(), new].concat()
}

const WEB: [&str; 3] = ["fresh none → 0.5", "helper 1.0 → 2.0", "web 1.0 → 2.0"];
const PLUGIN: [&str; 2] = ["engine 1.0 → 2.0", "plugin 1.0 → 2.0"];
const STEADY: [&str; 2] = ["old-only 1.0 → none", "steady 1.0 → 2.0"];
const TOP: [&str; 3] = ["core 1.0 → 2.0", "speed none → 2.0", "top 1.0 → 2.0"];
const HTOP: [&str; 1] = ["htop 98.0 → 99.0"];

fn lines(groups: &[&[&str]]) -> String {
    let mut all: Vec<&str> = groups.concat();
    all.sort_unstable();
    all.iter().map(|line| format!("{line} (library)\n")).collect()
}

/// A project that is locked to the old versions, while the index has the new ones as well.
fn project(uv: bool) -> Project {
    let project = Project::new("web\nplugin\nsteady\ntop\nhtop\n", &old());
    let project = if uv { project } else { project.with_shared_roots() };
    let mut lock = project.lock();
    with_resolver(&mut lock, uv);
    run(&mut lock);
    project.index.as_ref().unwrap().replace(index_files(&new()));
    project
}

fn update(project: &Project, uv: bool, arguments: &[&str]) -> Output {
    let mut command = project.command("update");
    with_resolver(command.args(arguments), uv);
    command.output().unwrap()
}

/// What is printed when a build accepts the lock afterwards.
#[track_caller]
fn moved(project: &Project, uv: bool, names: &[&str]) -> String {
    let output = update(project, uv, names);
    assert!(output.status.success(), "{}", text(&output));
    run(&mut project.command("deb"));
    String::from_utf8(output.stdout).unwrap()
}

/// What is said by an update that has to fail.
#[track_caller]
fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = update(project, true, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", text(&output));
    text(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read(project: &Project) -> String {
    fs::read_to_string(project.path("stack.lock")).unwrap()
}

fn named_libraries_move_with_what_they_need_and_no_others() {
    let _builder = builder();
    for uv in [true, false] {
        // What the newer version needs newer, and needs new.
        let one = project(uv);
        assert_eq!(moved(&one, uv, &["web"]), lines(&[&WEB]));
        let lock = read(&one);
        assert_eq!(moved(&one, uv, &["web"]), "");
        assert_eq!(read(&one), lock);
        // What fits the older version alone, and another spelling of a name.
        assert_eq!(moved(&one, uv, &["Engine"]), lines(&[&PLUGIN]));
        // With an extra, a library needs what its older version wants older.
        assert_eq!(moved(&one, uv, &["top"]), lines(&[&TOP]));
        assert_eq!(moved(&one, uv, &["steady", "htop"]), lines(&[&STEADY, &HTOP]));
        // All have moved one by one, as they would have together.
        assert_eq!(moved(&one, uv, &[]), "");
        let all = project(uv);
        assert_eq!(moved(&all, uv, &[]), lines(&[&WEB, &PLUGIN, &STEADY, &TOP, &HTOP]));
        let index = |project: &Project| project.index.as_ref().unwrap().address.clone();
        assert_eq!(read(&one).replace(&index(&one), ""), read(&all).replace(&index(&all), ""));
        // A library that no other one needs.
        let one = project(uv);
        assert_eq!(moved(&one, uv, &["helper"]), lines(&[&WEB[1..2]]));
        // It is there for the older version of another library alone, and is not taken away from that.
        assert_eq!(moved(&one, uv, &["old_only"]), "");
    }
}

fn a_change_of_the_requirements_moves_only_what_it_has_to() {
    let project = project(true);
    fs::write(project.path("requirements.txt"), "web\nsteady\ntop\nhtop\nspeed<2\nhelper>=2\n").unwrap();
    // The plugin and its engine are not asked for any more.
    let said = moved(&project, true, &["htop"]);
    let gone = ["plugin 1.0 → none", "engine 1.0 → none"];
    assert_eq!(said, lines(&[&HTOP, &WEB[1..2], &gone, &["speed none → 1.0"]]));
}

fn a_name_of_both_moves_both_and_what_fails_moves_nothing() {
    let project = project(true);
    let with = |stubs: &[Stub]| archive(&[machine(), stubs.to_vec()].concat());
    let old = with(&[Stub::new("htop", "99", "")]);
    let new = with(&["htop", "nginx"].map(|name| Stub::new(name, "100", "")));
    let mirror = Mirror::start(old.clone());
    fs::write(project.path("mirror.gpg"), keys().certificate("good")).unwrap();
    let image = format!("{}packages = [\"htop\"]\n", image_lines(&mirror.address));
    edit(&project.path("stack.toml"), "[[change", &format!("[image]\n{image}[[change"));
    let mut lock = project.command("lock");
    with_resolver(lock.arg("--packages"), true);
    run(&mut lock);
    // A library alone asks no archive for anything.
    mirror.replace(HashMap::new());
    assert_eq!(moved(&project, true, &["helper"]), lines(&[&WEB[1..2]]));

    let before = read(&project);
    let said = refused(&project, &["plugni"]);
    assert!(said.contains("the lock has no package and no library `plugni`: did you mean `plugin`?"), "{said}");
    // The libraries come first, and are as they were when the packages cannot be had.
    refused(&project, &["htop"]);
    assert_eq!(read(&project), before);

    let old_files = old.into_iter().filter(|(path, _)| path.contains("pool/"));
    mirror.replace(new.into_iter().chain(old_files).collect());
    assert_eq!(moved(&project, true, &["htop"]), format!("{}htop 99 → 100\n", lines(&[&HTOP])));
    // A package alone asks no index for anything.
    let before = read(&project);
    project.index.as_ref().unwrap().replace(HashMap::new());
    assert_eq!(moved(&project, true, &["nginx"]), "nginx 99 → 100\n");
    assert_eq!(read(&project).split("[tool.stackdeb.image]").next(), before.split("[tool.stackdeb.image]").next());
    let before = read(&project);
    refused(&project, &["web"]);
    assert_eq!(read(&project), before);
}

fn each_of_several_stacks_has_libraries_of_its_own() {
    let project = project(true);
    let blog = project.path("blog");
    fs::create_dir_all(blog.join("app")).unwrap();
    for name in ["app/app.py", "stack.toml"] {
        fs::copy(project.path(name), blog.join(name)).unwrap();
    }
    edit(&blog.join("stack.toml"), "name = \"shop\"", "name = \"blog\"");
    fs::write(blog.join("requirements.txt"), "helper<2\nengine<2\n").unwrap();
    let mut lock = project.lock();
    with_resolver(lock.arg("blog"), true);
    run(&mut lock);
    fs::write(blog.join("requirements.txt"), "helper\nengine\n").unwrap();
    let output = update(&project, true, &["web", "engine", "--project", ".", "--project", "blog"]);
    let group = |lines: &[&str], stack: &str| -> String {
        lines.iter().map(|line| format!("{line} (library of {stack})\n")).collect()
    };
    let shop = group(&[PLUGIN[0], WEB[0], WEB[1], PLUGIN[1], WEB[2]], "shop");
    assert_eq!(String::from_utf8_lossy(&output.stdout), shop + &group(&PLUGIN[..1], "blog"), "{}", text(&output));

    // A lock of another tool is left to that tool.
    fs::remove_file(project.path("stack.lock")).unwrap();
    fs::write(project.path("requirements.txt"), "helper==1.0\n").unwrap();
    let said = refused(&project, &["helper"]);
    assert!(said.contains("stack.lock has neither libraries nor packages that could be moved"), "{said}");
}

/// What Debian provides has no version in the lock, so there is nothing to move, and an update of another library leaves it out.
fn what_debian_provides_has_no_version_to_move() {
    let project = Project::new("web\nclick>=8\n", &old());
    edit(&project.path("stack.toml"), "[[change", "from-debian = [\"click\"]\n[[change");
    let mut lock = project.lock();
    with_resolver(&mut lock, true);
    run(&mut lock);
    project.index.as_ref().unwrap().replace(index_files(&new()));
    assert_eq!(moved(&project, true, &["helper"]), lines(&[&WEB[1..2]]));
    assert_eq!(moved(&project, true, &["web"]), lines(&[&[WEB[0], WEB[2]]]));
    assert!(project.depends().contains("python3-click (>= 8)"), "{}", project.depends());
    let said = refused(&project, &["click"]);
    assert!(said.contains("the lock has no package and no library `click`"), "{said}");
}
