//! Other versions of the stack that ships: the same project with a change, as its author would make it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{copy_tree, default_stack, run, source_folder, stackdeb};

/// Builds the package of version `version` below `folder`, after `change` was made to the project.
pub fn edition(folder: &Path, version: &str, change: impl Fn(&Path)) -> PathBuf {
    let project = folder.join(version);
    let _ = fs::remove_dir_all(&project);
    default_stack(&project);
    // What is in the package is what matters, and xz takes most of the time that a package takes.
    edit(&project.join("stack.toml"), "\nlicense =", "\ncompression = \"none\"\nlicense =");
    if version != "1.0.0" {
        let entry =
            format!("[[changelog]]\nversion = \"{version}\"\ndate = 2026-11-23T10:00:00Z\nchanges = [\"Next.\"]\n\n");
        edit(
            &project.join("stack.toml"),
            "version = \"1.0.0\"\nmaintainer",
            &format!("version = \"{version}\"\nmaintainer"),
        );
        edit(&project.join("stack.toml"), "[[changelog]]", &format!("{entry}[[changelog]]"));
    }
    change(&project);
    run(stackdeb().arg("deb").current_dir(&project));
    // The change may have given it another name.
    let manifest = fs::read_to_string(project.join("stack.toml")).unwrap();
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap();
    project.join(format!("dist/{name}_{version}_amd64.deb"))
}

/// Copies an example to `folder` as its version `version`, whose package is not compressed.
pub fn copy_example(name: &str, version: &str, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    copy_tree(&source_folder().join("examples").join(name), folder);
    let _ = fs::remove_dir_all(folder.join("dist"));
    let manifest = folder.join("stack.toml");
    edit(&manifest, "\nlicense =", "\ncompression = \"none\"\nlicense =");
    if version != "1.0.0" {
        let entry =
            format!("[[changelog]]\nversion = \"{version}\"\ndate = 2026-11-27T10:00:00Z\nchanges = [\"Next.\"]\n\n");
        edit(&manifest, "[[changelog]]", &format!("{entry}[[changelog]]"));
    }
}

/// Replaces the first `from` of a file, which has to be there.
#[track_caller]
pub fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no `{from}`:\n{text}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}
