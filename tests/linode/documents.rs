//! The commands of the documents that ask Linode, as their readers type them: those of the kind `linode`. Servers that they
//! reach with ssh are played.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use support::account::TOKEN;
use support::documents::scripts;
use support::program;
use support::project::Project;
use support::terminal;

use crate::played_servers::{answer, play};

const FILES: [(&str, &str); 3] = [
    ("database-url", "postgresql://shop:swordfish@db.example.org:5432/shop\n"),
    ("root-url", "postgresql://akmadmin:marlin@db.example.org:5432/defaultdb\n"),
    ("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n"),
];

#[test]
fn the_commands_of_the_documents_do_what_they_are_for() {
    // Most of the time they wait for Linode.
    thread::scope(|scope| {
        for (file, script) in scripts("linode") {
            scope.spawn(move || type_them(&file, script));
        }
    });
}

fn type_them(file: &Path, mut script: String) {
    let project = Project::new(&[]);
    // What the documents have in files of the project's folder.
    for (path, text) in FILES {
        fs::write(project.path(path), text).unwrap();
    }
    let mut expected = vec!["is made at 127.", "answers at", "shop-1"];
    if file.ends_with("staging.md") {
        has_variant(&project);
        expected[2] = "shop-staging-1";
    }
    if file.ends_with("run-on-linode.md") {
        script = with_one_instance(&script);
        expected.extend(["Nothing was made, and nothing was removed", "shop-1 is removed", "shop-2 has the data of"]);
        // Of the save, after the instance that had the data is gone.
        expected.extend(["shop-1.data (", "root@203.0.113.9 has 5 rows in 1 tables"]);
    }
    play(&project);
    let bin = project.path("bin");
    fs::create_dir(&bin).unwrap();
    symlink(program("stackdeb"), bin.join("stackdeb")).unwrap();
    let path = format!("{}:{}:{}", bin.display(), project.home.path().display(), std::env::var("PATH").unwrap());
    let mut shell = project.home.command("bash");
    shell.args(["-eu", "-o", "pipefail", "-c", &script]).env("LINODE_API_URL", project.api.address());
    answer(&mut shell);
    shell.env("PATH", path).stdin(Stdio::piped());
    // Where the document says so, the token is what the reader pastes.
    if script.contains("read -rs LINODE_TOKEN") {
        shell.env_remove("LINODE_TOKEN");
    }
    let mut shell = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(shell.stdin.take().unwrap(), "{TOKEN}").unwrap();
    let name = file.display().to_string();
    let ended = project.home.ended(shell.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(0), "{name}: {}", ended.said);
    for words in expected {
        assert!(ended.said.contains(words), "{name}: `{words}` is missing: {}", ended.said);
    }
    if script.contains("stackdeb destroy") {
        assert_eq!(project.labels(), Vec::<String>::new(), "{name}");
    }
    assert_eq!(project.api.images().len(), 1, "{name}");
}

/// The project has the variant of the document, with its image.
fn has_variant(project: &Project) {
    let mut manifest = OpenOptions::new().append(true).open(project.path("stack.toml")).unwrap();
    manifest.write_all(b"[variant.staging.site]\nserver-names = [\"staging.example.org\"]\n").unwrap();
    let dist = project.path("dist");
    fs::create_dir(dist.join("staging")).unwrap();
    fs::copy(dist.join("shop-1.0-linode.img.gz"), dist.join("staging/shop-1.0@staging-linode.img.gz")).unwrap();
}

/// Before it replaces something, the reader has one instance. It has data, so the first replacement makes nothing, as the
/// document says. Before the data of the last instance are replaced, the reader is asked.
fn with_one_instance(script: &str) -> String {
    let replace = "stackdeb deploy --region us-east --replace\n";
    let begin = "stackdeb destroy --yes --discard-data\nstackdeb deploy --region us-east\n";
    let restore = script.lines().find(|line| line.starts_with("stackdeb data restore")).unwrap();
    assert_eq!(script.matches(replace).count(), 1);
    script
        .replace(replace, &format!("{begin}! {replace}"))
        .replace(restore, &terminal::answered(restore, &[("Go on?", "y")]))
}
