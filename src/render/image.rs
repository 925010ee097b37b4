//! The image's own files: those that a machine needs and no package of the distribution has.
//!
//! Each template in `image/` has the path of the file that it makes. The templates are embedded in the binary; a file in the
//! project's own folder `image/` replaces the template of the same path.

use serde::Serialize;

use super::RenderError;
use super::image_templates::TEMPLATES;
use super::template::Templates;
use crate::rootfs::RootFile;
use crate::stack::Stack;

pub use super::image_templates::Moment;

/// Facts about the image that are not in the stack; the templates use them.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// The root file system's UUID, in lower case.
    pub uuid: String,
    /// The address of the archive that the machine is upgraded from.
    pub mirror: String,
    /// The address of the archive for security upgrades.
    pub security_mirror: String,
    /// The archive's components, separated by spaces: `main`.
    pub components: String,
    /// The path of the archive's keys on the machine; the distribution's own package installs them.
    pub keyring: String,
}

/// One that a machine needs and no package has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    pub file: RootFile,
    /// When it is put into the root.
    pub moment: Moment,
}

/// The variables of the templates.
#[derive(Serialize)]
struct ImageVariables<'a> {
    name: &'a str,
    names: Vec<&'a str>,
    database_names: Vec<&'a str>,
    hostname: &'a str,
    suite: &'a str,
    uuid: &'a str,
    mirror: &'a str,
    security_mirror: &'a str,
    components: &'a str,
    keyring: &'a str,
    has_repository: bool,
    repository_host: &'a str,
    repository_suite: &'a str,
}

/// Renders all of the image's own files, in the order of their paths.
///
/// # Errors
/// When a template of the project cannot be read, is wrong, or uses an unknown variable.
pub fn image_files(stack: &Stack, facts: &ImageFacts) -> Result<Vec<ImageFile>, RenderError> {
    image_files_of(stack, &[], facts)
}

/// The same for an image with several stacks. The templates and the `[image]` table of the first hold for all.
///
/// # Errors
/// As [`image_files`].
pub fn image_files_of(stack: &Stack, others: &[Stack], facts: &ImageFacts) -> Result<Vec<ImageFile>, RenderError> {
    let all = || std::iter::once(stack).chain(others);
    let names: Vec<&str> = all().map(|stack| stack.package.name.as_str()).collect();
    let with_processes: Vec<&str> =
        all().filter(|stack| stack.app.kind.has_processes()).map(|stack| stack.package.name.as_str()).collect();
    let with_database = all().filter(|stack| stack.database.is_some());
    let mut database_names: Vec<&str> = with_database.map(|stack| stack.package.name.as_str()).collect();
    if database_names.is_empty() {
        database_names.clone_from(&names);
    }
    let repository = stack.image.repository.as_ref();
    let variables = ImageVariables {
        name: stack.package.name.as_str(),
        names: names.clone(),
        database_names,
        hostname: &stack.image.hostname,
        suite: &stack.image.suite,
        uuid: &facts.uuid,
        mirror: &facts.mirror,
        security_mirror: &facts.security_mirror,
        components: &facts.components,
        keyring: &facts.keyring,
        has_repository: repository.is_some(),
        repository_host: repository.map(|source| source.host.as_str()).unwrap_or_default(),
        repository_suite: repository.map(|source| source.suite.as_str()).unwrap_or_default(),
    };
    let templates = Templates::of_project(&stack.folder, &variables)?;
    let mut files = Vec::new();
    for source in TEMPLATES {
        let content = templates.render(source.template)?;
        let places = if source.places.is_empty() { &[source.path] } else { source.places };
        for place in places {
            let paths: Vec<String> = match place.contains("NAME") {
                true => with_processes.iter().map(|name| place.replace("NAME", name)).collect(),
                false => vec![(*place).to_owned()],
            };
            files.extend(paths.into_iter().map(|path| ImageFile {
                file: RootFile { path: path.into(), mode: source.mode, content: content.clone() },
                moment: source.moment,
            }));
        }
    }
    files.extend(repository.map(|source| ImageFile {
        file: RootFile {
            path: format!("etc/apt/sources.list.d/{}.sources", source.name).into(),
            mode: 0o644,
            content: source.text.clone(),
        },
        moment: Moment::Finishing,
    }));
    files.sort_by(|one, other| one.file.path.cmp(&other.file.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::control::{Priority, Relations, Version};
    use crate::deb::Compression;
    use crate::stack::{
        App, AppKind, AppServer, ChangelogEntry, Health, Image, Interface, PackageInfo, PythonApp, Site, Tls,
    };
    use crate::system::epoch::Epoch;

    fn stack(folder: &Path) -> Stack {
        let version: Version = "1.0.0".parse().unwrap();
        let date = Epoch::from_seconds(1_795_428_000).unwrap();
        let none = Relations::default();
        Stack {
            folder: folder.to_owned(),
            package: PackageInfo {
                name: "shop".parse().unwrap(),
                version: version.clone(),
                maintainer: "Jane Doe <jane@example.org>".into(),
                summary: "shop".into(),
                description: "A shop.".into(),
                homepage: None,
                section: "web".into(),
                priority: Priority::Optional,
                copyright: vec!["2026 Jane Doe <jane@example.org>".into()],
                license: "MIT".into(),
                license_text: None,
                depends: none.clone(),
                relations: Default::default(),
                changelog: vec![ChangelogEntry { version, date, changes: vec!["First.".into()] }],
                compression: Compression::Xz,
            },
            app: App {
                folder: folder.join("app"),
                kind: AppKind::Python(PythonApp {
                    interface: Interface::Wsgi,
                    server: AppServer::Gunicorn,
                    module: "app:app".into(),
                    workers: None,
                    threads: None,
                }),
                depends: none.clone(),
                requirements: None,
                from_debian: Default::default(),
                index: None,
                build_packages: Relations::default(),
                build_command: None,
                release_command: None,
                limits: Default::default(),
                environment: Vec::new(),
                include: Vec::new(),
                exclude: Vec::new(),
            },
            workers: Vec::new(),
            timers: Vec::new(),
            services: Default::default(),
            site: Site {
                port: 80,
                server_names: vec!["_".into()],
                max_body_size: "10m".into(),
                static_files: Vec::new(),
                tls: Tls::Off,
                behind: Vec::new(),
            },
            database: None,
            further_files: Vec::new(),
            further_packages: Vec::new(),
            health: Health { on_boot: "2min".into(), interval: "10min".into(), path: "/healthz".into() },
            image: Image {
                suite: "trixie".into(),
                mirror: None,
                security_mirror: None,
                snapshot_mirror: None,
                repository: None,
                keyring: None,
                hostname: "till".into(),
                packages: none,
                free_space: 0,
            },
            variants: Default::default(),
        }
    }

    fn facts() -> ImageFacts {
        ImageFacts {
            uuid: "6b4e03c9-3a0f-5d4b-9d54-2ad3b1a0c0de".into(),
            mirror: "http://mirror.example/debian".into(),
            security_mirror: "http://mirror.example/security".into(),
            components: "main".into(),
            keyring: "/usr/share/keyrings/debian-archive-keyring.gpg".into(),
        }
    }

    fn content<'a>(files: &'a [ImageFile], path: &str) -> &'a str {
        let files = files.iter().map(|file| &file.file);
        &files.into_iter().find(|file| file.path == Path::new(path)).unwrap_or_else(|| panic!("no {path}")).content
    }

    #[test]
    fn the_root_is_named_by_its_uuid_and_never_by_its_disk() {
        let files = image_files(&stack(Path::new("/nonexistent")), &facts()).unwrap();
        for path in ["etc/fstab", "boot/grub/grub.cfg"] {
            assert!(content(&files, path).contains(&format!("UUID={}", facts().uuid)), "{path}");
        }
        for ImageFile { file, .. } in &files {
            assert!(!file.content.contains("/dev/sd"), "{} names a disk", file.path.display());
            assert!(!file.content.contains("{{"), "{} is not rendered", file.path.display());
        }
        assert_eq!(content(&files, "etc/hostname"), "till\n");
        assert!(content(&files, "etc/systemd/system/shop.service.d/10-image.conf").contains("cloud-init-network"));
    }

    /// Units of the image run programs of root, which must not have the app's variables.
    #[test]
    fn no_unit_of_the_image_reads_the_environment_file() {
        let files = image_files(&stack(Path::new("/nonexistent")), &facts()).unwrap();
        let files = files.iter().map(|file| &file.file);
        for file in files.filter(|file| file.path.starts_with("etc/systemd/system")) {
            assert!(!file.content.contains("EnvironmentFile="), "{}", file.path.display());
        }
    }

    #[test]
    fn a_project_may_have_templates_of_its_own() {
        let project = tempfile::tempdir().unwrap();
        let own = project.path().join("image/etc/hosts");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, "127.0.0.1 {{hostname}} & co\n").unwrap();
        let files = image_files(&stack(project.path()), &facts()).unwrap();
        assert_eq!(content(&files, "etc/hosts"), "127.0.0.1 till & co\n");
        fs::write(&own, "{{hostnam}}").unwrap();
        match image_files(&stack(project.path()), &facts()) {
            Err(RenderError::UnknownVariable { template, line: 1, variable, known }) => {
                assert_eq!((template.as_str(), variable.as_str()), ("image/etc/hosts", "`hostnam`"));
                assert!(known.contains("hostname, keyring"), "{known}");
            }
            other => panic!("{other:?}"),
        }
    }
}
