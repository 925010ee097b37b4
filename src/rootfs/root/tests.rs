//! What a package may have put in the way: links to this machine's files, where a file or a folder of the root belongs.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;
use crate::system::epoch::Epoch;

/// A root, and beside it a folder with a file that nobody may touch.
struct Machine {
    folder: tempfile::TempDir,
    root: Root,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/file"), "of the machine").unwrap();
        let root = Root::create(&folder.path().join("root"), Ids::SAME).unwrap();
        Self { folder, root }
    }

    /// Makes a link at `path` in the root, as a package's script would.
    fn plant(&self, path: &str, target: impl AsRef<Path>) {
        symlink(target, self.folder.path().join("root").join(path)).unwrap();
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn assert_untouched(&self, what: &str) {
        assert_eq!(fs::read_to_string(self.outside().join("file")).unwrap(), "of the machine", "{what}");
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"], "{what}");
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_leads_nowhere_else() {
    type Attack = (&'static str, fn(&Root) -> bool);
    let attacks: [Attack; 7] = [
        ("write", |root| root.write("dir/file", 0o644, "x").is_ok()),
        ("make a folder", |root| root.make_folder("dir/new").is_ok()),
        ("link", |root| root.symlink("x", "dir/new").is_ok()),
        ("rename", |root| root.rename("dir/file", "dir/new").is_ok()),
        ("rename into it", |root| root.rename("own", "dir/file").is_ok()),
        ("remove", |root| root.remove("dir/file").is_ok() && root.has_file("dir/file")),
        ("look", |root| root.has_file("dir/file") || !root.names("dir").unwrap().is_empty()),
    ];
    for up in ["absolute", "../outside", "../../../../../../outside"] {
        for (what, attack) in attacks {
            let machine = Machine::new();
            machine.root.write("own", 0o644, "x").unwrap();
            let target = if up == "absolute" { machine.outside() } else { PathBuf::from(up) };
            machine.plant("dir", target);
            assert!(!attack(&machine.root), "{what} through {up} is possible");
            machine.assert_untouched(what);
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_replaced_itself() {
    let machine = Machine::new();
    let target = machine.outside().join("file");
    machine.plant("a", &target);
    machine.plant("b", &target);
    machine.plant("c", &target);
    machine.plant("d", &target);
    machine.root.write("a", 0o600, "ours").unwrap();
    machine.root.symlink("elsewhere", "b").unwrap();
    machine.root.rename("c", "e").unwrap();
    machine.root.remove("d").unwrap();
    machine.assert_untouched("a link to a file");
    assert!(machine.root.has_file("a") && !machine.root.has_file("e") && machine.root.link_target("d").is_none());
    assert_eq!(machine.root.link_target("b"), Some("elsewhere".into()));
    assert_eq!(machine.root.link_target("e"), Some(target));
}

#[test]
fn a_link_inside_the_root_is_followed_as_a_process_in_it_would() {
    let machine = Machine::new();
    machine.root.make_folder("real/deep").unwrap();
    machine.plant("absolute", "/real");
    machine.plant("real/up", "../../../real/deep");
    machine.root.write("/absolute/up/file", 0o640, "x").unwrap();
    assert!(machine.root.has_file("real/deep/file"));
    assert_eq!(machine.root.names("absolute/deep").unwrap(), ["file"]);
    machine.root.remove("absolute/up/file").unwrap();
    assert!(!machine.root.has_file("real/deep/file"));
    assert!(machine.root.write("..", 0o644, "x").is_err() && machine.root.write("", 0o644, "x").is_err());
}

#[test]
fn times_are_set_inside_only() {
    let machine = Machine::new();
    let before = fs::metadata(machine.outside().join("file")).unwrap().mtime();
    machine.plant("link", machine.outside());
    machine.root.write("folder/file", 0o644, "x").unwrap();
    machine.root.clamp_times(Epoch::from_seconds(1).unwrap()).unwrap();
    let root = machine.folder.path().join("root");
    for path in ["", "link", "folder", "folder/file"] {
        assert_eq!(fs::symlink_metadata(root.join(path)).unwrap().mtime(), 1, "{path}");
    }
    assert_eq!(fs::metadata(machine.outside().join("file")).unwrap().mtime(), before);
}
