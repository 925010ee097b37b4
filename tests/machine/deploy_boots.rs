//! `stackdeb deploy` to a Linode in memory that boots what it is given: the bytes that it received as the image, with the
//! user data that it received. What an instance is to be is looked up on that machine.

use std::fs;
use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use serde_json::{Value, json};
use support::account::{Home, TOKEN};
use support::linode_api::{Api, Machines};
use support::machine::{BOOT_LIMIT, Machine, free_port, user_data};
use support::server::Server;
use support::{Built, built, default_stack, kept};

pub fn trials() -> Vec<Trial> {
    support::tests![what_is_deployed_boots_and_is_what_was_asked_for]
}

fn what_is_deployed_boots_and_is_what_was_asked_for() {
    let (home, api, port) = (Home::new(), Api::start(TOKEN, &[]), free_port());
    let folder = kept().join("deploy-boots");
    let _ = fs::remove_dir_all(&folder);
    user_data(&folder, "only-for-its-key");
    // The machine's port 80 is another of this computer's, and that is where deploy has to look.
    default_stack(home.path());
    let manifest = fs::read_to_string(home.path().join("stack.toml")).unwrap();
    fs::write(home.path().join("stack.toml"), format!("{manifest}\n[site]\nport = {port}\n")).unwrap();

    let booted: Arc<Mutex<Option<Machine>>> = Arc::default();
    let (machine, here) = (Arc::clone(&booted), folder.clone());
    api.set_machines(Machines::Hook(Arc::new(move |started| {
        assert_eq!((started.label.as_str(), started.kernel.as_str()), ("till-1", "linode/grub2"));
        let (image, user_data) = (here.join("received.img.gz"), here.join("received-user-data"));
        fs::write(&image, &started.image).unwrap();
        fs::write(&user_data, &started.user_data).unwrap();
        *machine.lock().unwrap() = Some(Machine::start(&image, &user_data, &here, port));
    })));
    let image = built(Built::Image).join("stack-1.0.0-linode.img.gz");
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.env("LINODE_API_URL", api.address()).args(["deploy", "--region", "us-east", "--label", "till-1", "--json"]);
    command.arg("--ssh-key").arg(folder.join("key.pub")).args(["--timeout", &BOOT_LIMIT.as_secs().to_string()]);
    command.args(["--env", "GREETING=5$ \\ \"a\" `b` #c é", "--env", "WEB_CONCURRENCY=2"]).arg(&image);
    let output = command.output().unwrap();
    let mut machine = booted.lock().unwrap().take().expect("nothing was booted");
    let ended = home.ended(output);
    assert_eq!(ended.status, Some(0), "{}\n{}", ended.said, machine.console());
    let one = &ended.json()["instances"][0];
    assert_eq!((&one["label"], &one["healthy"]), (&json!("till-1"), &json!(true)));
    assert_eq!(one["url"], format!("http://127.0.0.1:{port}"));
    assert!(fs::read(folder.join("received.img.gz")).unwrap() == fs::read(&image).unwrap());

    machine.wait_for_ssh();
    assert_eq!(machine.sh("hostname; hostnamectl --static"), "till-1\ntill-1");
    let key = fs::read_to_string(folder.join("key.pub")).unwrap();
    assert_eq!(machine.sh("grep ssh- /root/.ssh/authorized_keys"), key.trim());
    assert_eq!(machine.sh("stat -c '%U:%G %a' /etc/stack/stack.env"), "root:stack 640");
    // What the package has there is still before it.
    let lines = machine.sh("head -n 1 /etc/stack/stack.env; tail -n 2 /etc/stack/stack.env");
    let added = "GREETING=\"5\\$ \\\\ \\\"a\\\" \\`b\\` #c é\"\nWEB_CONCURRENCY=\"2\"";
    assert!(lines.starts_with("# Environment variables of stack") && lines.ends_with(added), "{lines}");
    // And the app has read it, before it was started for the first time.
    let environment =
        "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID stack.service)/environ | grep -E '^(GREETING|WEB_)'";
    assert_eq!(machine.sh(environment), "GREETING=5$ \\ \"a\" `b` #c é\nWEB_CONCURRENCY=2");
    assert_eq!(machine.sh("systemctl show -P NRestarts stack.service"), "0");
    machine.get("/healthz", 200);
    let status: Value = serde_json::from_str(&machine.sh("cloud-init status --wait --format json")).unwrap();
    assert_eq!((&status["status"], &status["recoverable_errors"]), (&json!("done"), &json!({})), "{status}");

    // It is listed as what it is.
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    let listed = home.run(command.env("LINODE_API_URL", api.address()).args(["instances"]));
    listed.has(0, &["till-1 127.0.0.1 us-east private/15 version 1.0.0 well"]);
}
