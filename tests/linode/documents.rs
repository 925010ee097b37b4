//! The commands of the documents that ask Linode, as their readers type them: those of the kind `linode`.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use support::account::TOKEN;
use support::documents::scripts;
use support::program;
use support::project::Project;

const FILES: [(&str, &str); 3] = [
    ("database-url", "postgresql://shop:swordfish@db.example.org:5432/shop\n"),
    ("root-url", "postgresql://akmadmin:marlin@db.example.org:5432/defaultdb\n"),
    ("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n"),
];

#[test]
fn the_commands_of_the_documents_do_what_they_are_for() {
    for (file, script) in scripts("linode") {
        let project = Project::new(&[]);
        // What the documents have in files of the project's folder.
        for (path, text) in FILES {
            std::fs::write(project.path(path), text).unwrap();
        }
        let bin = project.path("bin");
        std::fs::create_dir(&bin).unwrap();
        symlink(program("stackdeb"), bin.join("stackdeb")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = project.home.command("bash");
        shell.args(["-eu", "-o", "pipefail", "-c", &script]).env("LINODE_API_URL", project.api.address());
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
        for words in ["is made at 127.", "answers at", "shop-1"] {
            assert!(ended.said.contains(words), "{name}: `{words}` is missing: {}", ended.said);
        }
        if script.contains("stackdeb destroy") {
            assert_eq!(project.labels(), Vec::<String>::new(), "{name}");
        }
        assert_eq!(project.api.images().len(), 1, "{name}");
    }
}
