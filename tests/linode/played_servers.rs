//! An `ssh` that plays the servers of a project's instances: it answers as the package's program `data` would. Booted machines
//! answer in the room `server`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::account::sh;
use support::project::Project;

/// Writes down what it is asked for, and answers as a server of the old instance or of a new one. `FAIL` is the word
/// of the command that fails.
pub const SSH: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
host=$2 line=$3
case "$line" in
*await-app*) word=list; answer=$LIST ;;
*"'info'"*) word=info; answer="{\"version\":\"1.0\",\"database\":\"$PLACE\",\"files\":{\"files\":1,\"bytes\":2},\"contents\":null}" ;;
*"'on'"*) word=on; answer=token ;;
*"'off'"*) word=off ;;
*"'renew'"*) word=renew ;;
*"'stay'"*) word=stay ;;
*"'sums'"*) word=sums; answer=$SUMS ;;
*"'save'"*) word=save ;;
*"'restore'"*) word=restore ;;
esac
echo "$word ${host#root@}" >>"$HOME/asked"
if [ "$word" = "$FAIL" ]; then echo "no $word today" >&2; exit "$STATUS"; fi
if [ "$word" = save ]; then cat "$HOME/save.tar"; exit; fi
if [ "$word" = restore ]; then cat >"$HOME/received.tar"; answer="{\"header\":{},\"end\":$SUMS,\"notes\":[\"COLOUR stays\"]}"; fi
[ -z "$answer" ] || printf '%b\n' "$answer"
"#;

pub const SUMS: &str = r#"{"files":{"files":1,"bytes":2,"sha256":"x"},"database":[["table","public.a",5,"7"]]}"#;

/// Puts it into the project's folder, with what it sends as a save.
pub fn play(project: &Project) {
    fs::write(project.path("ssh"), SSH).unwrap();
    fs::set_permissions(project.path("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
    let header = r#"{"format":1,"name":"shop","version":"1.0","host":"shop-1","saved_at":"2026-11-26T10:00:00Z"}"#;
    fs::create_dir(project.path("app.d")).unwrap();
    for (name, content) in [("stackdeb-data.json", header), ("end.json", SUMS)] {
        fs::write(project.path(name), content).unwrap();
    }
    let script = "cd \"$1\" && mkdir save && mv stackdeb-data.json end.json save && rmdir app.d && mkdir save/app && \
                  printf hi >save/app/photo && tar -C save -cf save.tar stackdeb-data.json app/photo end.json";
    sh(script, &[project.home.path()]);
}

/// Has it answer as a server does that has the package and its database.
pub fn answer(command: &mut Command) {
    command.env("LIST", "shop/data\\nshop/await-app").env("PLACE", "here").env("SUMS", SUMS).env("STATUS", "1");
}
