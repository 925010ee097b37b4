//! pypiserver: a package that was uploaded can be installed by pip, also after an upgrade.

use std::fs;

use super::{Application, Browser, set_variable};
use crate::container::Container;
use crate::wheels::Wheel;

pub(super) const PYTHON_INDEX: Application = Application { name: "python-index", write, read };

fn wheel() -> Wheel {
    Wheel::new("parcel", "1.0", "py3-none-any")
}

/// Uploads a wheel as twine does.
fn write(machine: &Container, browser: &Browser) {
    set_variable(machine, "python-index", "UPLOAD_PASSWORD", "correct-horse");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(wheel().file_name());
    fs::write(&file, wheel().bytes()).unwrap();
    let content = format!("content=@{}", file.display());
    let form = ["-F", ":action=file_upload", "-F", "name=parcel", "-F", "version=1.0", "-F", &content];
    assert_eq!(browser.ask("/", &form).0, 401);
    let (status, body) = browser.ask("/", &[&["-u", "upload:correct-horse"], &form[..]].concat());
    assert_eq!(status, 200, "{body}");
}

fn read(_machine: &Container, browser: &Browser) {
    let page = browser.get("/simple/parcel/");
    assert!(page.contains(">parcel-1.0-py3-none-any.whl<"), "{page}");
    let file = tempfile::NamedTempFile::new().unwrap();
    browser.ask("/packages/parcel-1.0-py3-none-any.whl", &["-o", &file.path().display().to_string()]);
    assert!(fs::read(file.path()).unwrap() == wheel().bytes(), "another file comes back");
}
