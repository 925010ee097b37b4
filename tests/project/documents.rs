//! The commands of the documents that need nothing but stackdeb, as their readers type them: those of the kind `run`.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use support::documents::scripts;
use support::{cache, program, text};

#[test]
fn the_commands_of_the_documents_do_what_they_are_for() {
    for (file, script) in scripts("run") {
        let folder = tempfile::tempdir().unwrap();
        let (bin, home) = (folder.path().join("bin"), folder.path().join("home"));
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&home).unwrap();
        for name in ["stackdeb", "health-check"] {
            symlink(program(name), bin.join(name)).unwrap();
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-eu", "-o", "pipefail", "-c", &script]).current_dir(&home).env("HOME", &home).env("PATH", path);
        // Downloads are kept where all tests keep them.
        shell.env("XDG_CACHE_HOME", cache().parent().unwrap());
        shell.env("DEBFULLNAME", "Jane Doe").env("DEBEMAIL", "jane@example.org");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}: {}\n{}", file.display(), output.status, text(&output));
        if file.ends_with("tutorial.md") {
            let said = text(&output);
            for words in ["shop_1.0.0_amd64.deb", "There is a mistake in stack.toml.", "shop_1.1.0_amd64.deb"] {
                assert!(said.contains(words), "{words} is missing:\n{said}");
            }
            assert!(home.join("shop/dist/shop-1.0.0-linode.json").exists());
        }
    }
}
