//! The README of each folder of templates names every file that is made and every variable that exists, and no other. A
//! README is neither packed nor put into an image.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use stackdeb::deb::PayloadEntry;
use stackdeb::render::image::{ImageFacts, ImageFile, image_files};
use stackdeb::render::user_data::{InstanceFacts, user_data};
use stackdeb::render::{RenderError, package_files};
use stackdeb::stack::Tls;
use support::source_folder;
use support::stack::stack;

fn readme(folder: &str) -> String {
    fs::read_to_string(source_folder().join(folder).join("README.md")).unwrap()
}

/// The words between backquotes in the column `column` of the README's tables, after `heading`.
fn words(text: &str, heading: &str, column: usize) -> BTreeSet<String> {
    let (_, rest) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let table = rest.trim_start().lines().skip_while(|line| !line.starts_with('|'));
    let cells = table.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(column));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The variables that exist, from the message about one that does not.
fn known(result: Result<(), RenderError>) -> BTreeSet<String> {
    match result {
        Err(RenderError::UnknownVariable { known, .. }) => known.split(", ").map(str::to_owned).collect(),
        other => panic!("{other:?}"),
    }
}

fn facts() -> ImageFacts {
    ImageFacts {
        uuid: "6b4e03c9-3a0f-8d4b-ad54-2ad3b1a0c0de".to_owned(),
        mirror: "http://mirror.example/debian".to_owned(),
        security_mirror: "http://mirror.example/security".to_owned(),
        components: "main".to_owned(),
        keyring: "/usr/share/keyrings/debian-archive-keyring.gpg".to_owned(),
    }
}

fn write(project: &Path, name: &str, text: &str) {
    let path = project.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn every_file_of_the_package_is_in_a_readme() {
    let project = tempfile::tempdir().unwrap();
    let mut stack = stack(project.path());
    stack.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    let rendered = package_files(&stack).unwrap();
    let listed: BTreeSet<String> = ["debian", "units", "nginx"]
        .iter()
        .flat_map(|folder| words(&readme(folder), "# Template", 2))
        .filter(|word| word.starts_with('/'))
        .map(|path| path.replace("NAME", "guest-book"))
        .collect();
    let from_template = |path: &str| !path.starts_with("/usr/share/guest-book/") && !path.contains("/changelog");
    let installed: BTreeSet<String> = rendered
        .payload
        .entries()
        .into_iter()
        .filter(|(path, entry)| matches!(entry, PayloadEntry::File { .. }) && from_template(path))
        .map(|(path, _)| path.to_owned())
        .collect();
    assert_eq!(listed, installed);
    assert!(installed.len() > 20 && !installed.iter().any(|path| path.contains("README")));
}

#[test]
fn every_template_is_in_the_readme_of_its_folder() {
    for folder in ["debian", "units", "nginx"] {
        let entries = fs::read_dir(source_folder().join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let listed = words(&readme(folder), "# Template", 1);
        assert_eq!(listed, files.filter(|name| name != "README.md").collect(), "{folder}");
    }
}

#[test]
fn every_variable_is_in_a_readme() {
    let project = tempfile::tempdir().unwrap();
    write(project.path(), "debian/logrotate", "{{typo}}");
    let of_package = known(package_files(&stack(project.path())).map(drop));
    assert_eq!(words(&readme("debian"), "## Variables", 1), of_package);
    write(project.path(), "image/etc/hosts", "{{typo}}");
    let of_image = known(image_files(&stack(project.path()), &facts()).map(drop));
    assert_eq!(words(&readme("image"), "## Variables", 1), of_image);
    write(project.path(), "image/user-data", "{{typo}}");
    let facts = InstanceFacts {
        hostname: "shop-1",
        keys: &[],
        environment: &[],
        database_admin: &[],
        balancers: &[],
        further: &[],
        database_ca: None,
        host_key: None,
    };
    let of_user_data = known(user_data(&stack(project.path()), &facts).map(drop));
    assert_eq!(words(&readme("image"), "## Of user-data", 1), of_user_data);
}

/// `stackdeb new` itself fails when a template has a variable that it does not know.
#[test]
fn every_variable_of_a_new_project_is_in_a_readme() {
    let folder = source_folder().join("src/stack/new_project");
    let mut used = BTreeSet::new();
    for name in ["stack.toml.hbs", "README.md.hbs", "app/app.py.hbs"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        used.extend(text.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.to_owned()));
    }
    assert_eq!(words(&readme("src/stack/new_project"), "# Templates", 1), used);
}

#[test]
fn no_readme_is_in_an_image() {
    let project = tempfile::tempdir().unwrap();
    write(project.path(), "image/README.md", "{{typo}}");
    let files: Vec<ImageFile> = image_files(&stack(project.path()), &facts()).unwrap();
    assert!(files.len() > 20 && !files.iter().any(|file| file.file.path.to_string_lossy().contains("README")));
}
