//! The commands of the documents that ask Linode, as their readers type them: those of the kind `linode`.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use support::account::TOKEN;
use support::documents::scripts;
use support::program;
use support::project::Project;

#[test]
fn the_commands_of_the_documents_do_what_they_are_for() {
    for (file, script) in scripts("linode") {
        let project = Project::new(&[]);
        let bin = project.path("bin");
        std::fs::create_dir(&bin).unwrap();
        symlink(program("stackdeb"), bin.join("stackdeb")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = project.home.command("bash");
        shell.args(["-eu", "-o", "pipefail", "-c", &script]).env("LINODE_API_URL", project.api.address());
        // The token is what the reader pastes.
        shell.env("PATH", path).env_remove("LINODE_TOKEN").stdin(Stdio::piped());
        let mut shell = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        writeln!(shell.stdin.take().unwrap(), "{TOKEN}").unwrap();
        let name = file.display().to_string();
        let ended = project.home.ended(shell.wait_with_output().unwrap());
        assert_eq!(ended.status, Some(0), "{name}: {}", ended.said);
        for words in ["is made at 127.", "answers at", "shop-1"] {
            assert!(ended.said.contains(words), "{name}: `{words}` is missing: {}", ended.said);
        }
        // The last of them removes all.
        assert_eq!(project.labels(), Vec::<String>::new(), "{name}");
        assert_eq!(project.api.images().len(), 1, "{name}");
    }
}
