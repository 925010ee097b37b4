//! The commands of the documents that an administrator types on a server, in a booted one: those of the kind `server`.

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::Container;
use support::documents::scripts;
use support::server::Server;
use support::{Built, built, text};

const CHECKS: &[Check<Container>] = &[
    ("the_commands_of_the_documents_do_what_they_are_for", commands),
    ("nothing_is_left_when_they_are_through", left),
];

pub fn trials() -> Vec<Trial> {
    checks("documents", boot, CHECKS)
}

fn boot() -> Container {
    let server = Container::boot("documents");
    server.copy(&built(Built::Image).join("stack.deb"));
    server.sh("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y ./stack.deb");
    server.settle();
    server
}

fn commands(server: &mut Container) {
    let mut scripts = scripts("server");
    // The one that removes the package comes last.
    scripts.sort_by_key(|(file, _)| file.ends_with("remove.md"));
    for (file, script) in scripts {
        let output = server
            .try_sh(&format!("set -eu; set -o pipefail; cd /root; export DEBIAN_FRONTEND=noninteractive\n{script}"));
        assert!(output.status.success(), "{}: {}\n{}", file.display(), output.status, text(&output));
    }
}

fn left(server: &mut Container) {
    assert!(!server.try_sh("dpkg-query -W stack").status.success());
    assert!(server.sh("ls /var/backups/stack").ends_with(".dump"));
}
