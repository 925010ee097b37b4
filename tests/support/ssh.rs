//! A user who reaches servers with ssh: a key, known host keys, and an `ssh` in the search path that reads its own
//! configuration, and whose connection breaks where a test wants it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::Server;
use crate::{kept, run, stackdeb};

/// `CUT_AT` bytes after its start, the connection of the command that has the word `CUT_WORD` is gone: what the program sends
/// counts, or, if `CUT_SIDE` is `answer`, what the server sends.
const WRAPPER: &str = r#"#!/bin/sh
case "$*" in *"'$CUT_WORD'"*) ;; *) CUT_AT= ;; esac
[ -n "$CUT_AT" ] || exec /usr/bin/ssh -F "${0%/*}/config" "$@"
pipe=$(mktemp -u)
mkfifo "$pipe"
if [ "$CUT_SIDE" = answer ]; then
    ( head -c "$CUT_AT" <"$pipe"; rm -f "$pipe"; kill -KILL $$ ) &
    exec /usr/bin/ssh -F "${0%/*}/config" "$@" >"$pipe"
fi
( head -c "$CUT_AT" <&3 >"$pipe"; rm -f "$pipe"; kill -KILL $$ ) 3<&0 &
exec /usr/bin/ssh -F "${0%/*}/config" "$@" <"$pipe"
"#;

/// Has a home of its own in the folder of kept files.
pub struct SshUser {
    folder: PathBuf,
}

/// Breaks a connection of SSH in the middle, by the command that it runs.
#[derive(Clone, Copy)]
pub struct Cut<'a> {
    /// An argument of the command on the server.
    pub word: &'a str,
    pub side: Side,
    /// The connection breaks after this number of bytes.
    pub at: u64,
}

#[derive(Clone, Copy)]
pub enum Side {
    /// What goes to the server.
    Input,
    /// The bytes from the server to stackdeb.
    Answer,
}

impl SshUser {
    /// A new user, who knows no host key.
    pub fn new(name: &str) -> Self {
        let folder = kept().join(format!("ssh-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("work")).unwrap();
        let key = folder.join("key");
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "jane@home", "-f"]).arg(&key));
        let own = folder.display();
        let config = format!(
            "Host *\n  User root\n  IdentityFile {own}/key\n  IdentitiesOnly yes\n  BatchMode yes\n  \
             UserKnownHostsFile {own}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
        );
        fs::write(folder.join("config"), config).unwrap();
        fs::write(folder.join("ssh"), WRAPPER).unwrap();
        fs::set_permissions(folder.join("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// The public key, in one line.
    pub fn key(&self) -> String {
        fs::read_to_string(self.folder.join("key.pub")).unwrap().trim().to_owned()
    }

    /// User data that let this user in as root.
    pub fn user_data(&self, hostname: &str) -> String {
        format!(
            "#cloud-config\nhostname: {hostname}\nusers:\n  - name: root\n    ssh_authorized_keys:\n      - {}\n",
            self.key()
        )
    }

    /// Notes the host key that a server's own console shows.
    pub fn know(&self, server: &impl Server) {
        let host = server.address().split(':').next().unwrap().to_owned();
        let key = server.sh("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
        let known = fs::read_to_string(self.folder.join("known_hosts")).unwrap_or_default();
        fs::write(self.folder.join("known_hosts"), format!("{known}{host} {key}\n")).unwrap();
    }

    /// The folder that stackdeb is started in.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// stackdeb, as this user starts it.
    pub fn stackdeb(&self) -> Command {
        let mut command = stackdeb();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.folder.display())).current_dir(self.work());
        command.env("HOME", &self.folder).env("XDG_STATE_HOME", self.folder.join("state"));
        command.env_remove("SSH_AUTH_SOCK").env_remove("CUT_AT").stdin(std::process::Stdio::null());
        command
    }

    /// The same, with a connection that breaks.
    pub fn stackdeb_cut(&self, cut: Cut) -> Command {
        let mut command = self.stackdeb();
        let side = match cut.side {
            Side::Input => "input",
            Side::Answer => "answer",
        };
        command.env("CUT_WORD", cut.word).env("CUT_SIDE", side).env("CUT_AT", cut.at.to_string());
        command
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// All that a program printed, in one line: its messages are wrapped to the width of a terminal.
pub fn said(output: &Output) -> String {
    let all = crate::text(output);
    all.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}
