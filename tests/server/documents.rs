//! The commands of the documents that an administrator types on a server, in a booted one: those of the kind `server`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::Container;
use support::documents::{script_of, scripts, shell};
use support::server::Server;
use support::terminal;
use support::{Built, built, debian_packages, run, text};
use tempfile::TempDir;

const CHECKS: &[Check<Container>] = &[
    ("the_commands_of_the_documents_do_what_they_are_for", commands),
    ("nothing_is_left_when_they_are_through", left),
];

/// What the documents have apt install from the archive, as far as the image does not have it.
static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn trials() -> Vec<Trial> {
    checks("documents", boot, CHECKS)
}

pub fn ahead() -> Step {
    PACKAGES.by(|| debian_packages::download("libnginx-mod-http-brotli-static, needrestart"))
}

/// Documents whose commands are typed where there is what they speak of: `https.rs` has a certificate authority, and
/// `applications.rs` a project of Django.
const ELSEWHERE: [&str; 2] = ["https.md", "django.md"];

/// Beside the example, a project with all that the documents find on a server: `shop`, at names of its own.
const SHOP: &str = r#"stackdeb new shop
cd shop
cat >> stack.toml <<'END'

[site]
server-names = ["shop.example.org"]

[worker.mail]
command = "sleep infinity"
processes = 2

[timer.tidy]
command = "flask --version"
schedule = "daily"
END
stackdeb deb"#;

fn boot() -> Container {
    let server = Container::boot("documents");
    debian_packages::offer(&server, PACKAGES.get());
    server.copy(&built(Built::Image).join("stack.deb"));
    let folder = typed_at_home(SHOP);
    server.copy(&folder.path().join("home/shop/dist/shop.deb"));
    say_yes(&server);
    server.sh("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install ./stack.deb ./shop.deb");
    server.sh(EDITOR);
    server.settle();
    server
}

/// Where apt asks, a reader says yes.
pub fn say_yes(server: &Container) {
    server.sh("echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/99yes");
}

/// What a reader types on a computer of their own, and the folder in which its home is.
pub fn typed_at_home(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = shell(folder.path(), script).output().unwrap();
    assert!(output.status.success(), "{script}: {}\n{}", output.status, text(&output));
    folder
}

fn commands(server: &mut Container) {
    let mut scripts = scripts("server");
    scripts.retain(|(file, _)| !ELSEWHERE.iter().any(|one| file.ends_with(one)));
    // The one that removes the package comes last.
    scripts.sort_by_key(|(file, _)| file.ends_with("remove.md"));
    for (file, script) in scripts {
        let place = carry_over(server, &file);
        let edits = script.contains("\nsystemctl edit ");
        let mut typed = format!("set -eu; set -o pipefail; cd {place}\n{VARIABLES}\n{script}");
        if edits {
            // systemd starts an editor at a terminal only.
            typed = terminal::answered(&typed, &[]);
        }
        let output = server.try_sh(&typed);
        assert!(output.status.success(), "{}: {}\n{}", file.display(), output.status, text(&output));
        if edits {
            let unit = script.split_once("\nsystemctl edit ").and_then(|(_, rest)| rest.lines().next()).unwrap();
            assert!(server.sh(&format!("systemctl show -P Environment {unit}")).contains("EDITED=1"), "{unit}");
        }
    }
}

/// Without an answer of a person, and without pages at a terminal.
const VARIABLES: &str = "export DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER=cat EDITOR=/usr/local/bin/editor";

/// What stands for the editor: it writes a setting where systemd's comments say.
const EDITOR: &str = r#"cat >/usr/local/bin/editor <<'END'
#!/bin/sh
# The file comes last, after the number of a line.
for file; do :; done
exec sed -i '/^### Anything between here/a [Service]\nEnvironment=EDITED=1' "$file"
END
chmod 755 /usr/local/bin/editor
"#;

/// Copies what the document's commands at home have made to the server; the folder there that they ended in.
fn carry_over(server: &Container, file: &Path) -> String {
    let at_home = script_of(file, "run");
    if at_home.is_empty() {
        return "/root".to_owned();
    }
    let folder = typed_at_home(&format!("{at_home}\nrealpath --relative-to=\"$HOME\" . >\"${{HOME%/home}}/place\""));
    let files = folder.path().join("home.tar");
    run(Command::new("tar")
        .arg("-C")
        .arg(folder.path().join("home"))
        .args(["--exclude=.cache", "-cf"])
        .arg(&files)
        .arg("."));
    server.copy(&files);
    server.sh("mkdir -p /root/home && tar -xf /root/home.tar -C /root/home");
    format!("/root/home/{}", fs::read_to_string(folder.path().join("place")).unwrap().trim())
}

fn left(server: &mut Container) {
    assert!(!server.try_sh("dpkg-query -W stack").status.success());
    assert!(server.sh("ls /var/backups/stack").ends_with(".dump"));
}
