//! `stackdeb deploy --replace --bring-data` with booted machines on one network, which Linode in memory makes: visitors write
//! on the old one, and the connection breaks at each step. No visit that was acknowledged is lost, and the old site comes back
//! whenever the new one does not take its place.

use std::collections::VecDeque;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use support::account::{TOKEN, image};
use support::checks::{Check, checks};
use support::container::{Cards, Container, Options};
use support::lanes::say;
use support::linode_api::{Api, Machines};
use support::load::{Load, Tally};
use support::server::Server;
use support::ssh::{Cut, Side, SshUser, said};
use support::{Built, default_stack, text};

const CHECKS: &[Check<Fleet>] = &[
    ("ssh_knows_a_new_instance", host_key),
    ("wherever_the_connection_breaks_the_old_site_comes_back", broken),
    ("what_another_program_writes_is_noticed", written_meanwhile),
    ("the_new_site_has_every_visit", brought),
];

/// Where the connection breaks: a word of the command on a server.
const CUTS: [Cut; 5] = [
    // The old site is in maintenance, and its answer is lost.
    Cut { word: "on", side: Side::Answer, at: 1 },
    Cut { word: "save", side: Side::Answer, at: 20_000 },
    Cut { word: "restore", side: Side::Input, at: 30_000 },
    Cut { word: "sums", side: Side::Answer, at: 0 },
    Cut { word: "stay", side: Side::Answer, at: 0 },
];

pub fn trials() -> Vec<Trial> {
    checks("bring", Fleet::boot, CHECKS)
}

struct Fleet {
    user: SshUser,
    api: Api,
    /// What stands for the instances, in the order in which they were made.
    machines: Arc<Mutex<Vec<Container>>>,
    /// Visits that were acknowledged on the old site so far.
    visits: u64,
}

impl Drop for Fleet {
    /// Linode in memory holds the machines as well, and ends with this program only.
    fn drop(&mut self) {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Fleet {
    fn boot() -> Self {
        let (user, api) = (SshUser::new("bring"), Api::start(TOKEN, &[]));
        let machines: Arc<Mutex<Vec<Container>>> = Arc::default();
        let addresses: VecDeque<Ipv4Addr> = (41..60).map(|number| Ipv4Addr::new(198, 51, 100, number)).collect();
        let made = Arc::clone(&machines);
        let start = move |started: support::linode_api::Started| {
            let [.., number] = started.address.octets();
            let (name, user_data) = (started.label, String::from_utf8(started.user_data).unwrap());
            let number = Some(number);
            let options =
                Options { name: &name, number, image: Built::Image, user_data: Some(&user_data), cards: Cards::One };
            made.lock().unwrap().push(Container::start(&options));
        };
        api.set_machines(Machines::At(Arc::new(Mutex::new(addresses)), Arc::new(start)));
        default_stack(&user.work());
        fs::create_dir(user.work().join("dist")).unwrap();
        fs::copy(image(), user.work().join("dist/stack-1.0.0-linode.img.gz")).unwrap();
        let fleet = Self { user, api, machines, visits: 0 };
        let output = fleet.linode(&mut fleet.user.stackdeb(), &["deploy", "--region", "us-east"]);
        assert!(output.status.success(), "{}", text(&output));
        fleet
    }

    /// Runs stackdeb with the token of the account and the user's SSH key.
    fn linode(&self, command: &mut Command, arguments: &[&str]) -> Output {
        command.env("LINODE_API_URL", self.api.address()).env("LINODE_TOKEN", TOKEN).args(arguments);
        if arguments[0] == "deploy" {
            command.arg("--ssh-key").arg(self.user.folder().join("key.pub")).args(["--timeout", "200"]);
        }
        command.output().unwrap()
    }

    fn bring(&self, command: &mut Command) -> Output {
        self.linode(command, &["deploy", "--region", "us-east", "--replace", "--bring-data", "--yes"])
    }

    fn labels(&self) -> Vec<String> {
        self.api.instances().iter().map(|linode| linode["label"].as_str().unwrap().to_owned()).collect()
    }

    fn on_old<T>(&self, ask: impl FnOnce(&Container) -> T) -> T {
        ask(&self.machines.lock().unwrap()[0])
    }

    fn old_address(&self) -> String {
        self.on_old(Server::address)
    }

    /// Nothing is lost of what visitors of the old site were told, and only the maintenance has turned them away.
    #[track_caller]
    fn count(&mut self, tally: &Tally) {
        let in_maintenance = |failure: &String| failure.starts_with("503: The site is in maintenance.");
        assert!(tally.failures.iter().all(in_maintenance), "{tally} {:?}", tally.failures);
        self.visits += tally.good;
        assert_eq!(self.on_old(rows), self.visits, "{tally}");
    }

    /// The one old instance is as before; what was made is removed.
    fn remove_new(&self) {
        let labels = self.labels();
        assert_eq!((labels.len(), labels[0].as_str()), (2, "stack-1"));
        let output = self.linode(&mut self.user.stackdeb(), &["destroy", "--yes", "--discard-data", &labels[1]]);
        assert!(output.status.success(), "{}", text(&output));
        drop(self.machines.lock().unwrap().pop());
    }
}

fn rows(server: &Container) -> u64 {
    server.sh("cd /; runuser -u postgres -- psql -XAtc 'SELECT count(*) FROM visits' stack").parse().unwrap()
}

fn host_key(fleet: &mut Fleet) {
    let known = fs::read_to_string(fleet.user.folder().join("state/stackdeb/known_hosts")).unwrap();
    let key = fleet.on_old(|old| old.sh("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub"));
    assert_eq!(known, format!("198.51.100.41 {key}\n"));
    let host = "root@198.51.100.41";
    let output = fleet.user.stackdeb().args(["data", "save", host, "first.tar"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    // Another machine at this address is not believed.
    fleet.on_old(|old| old.sh("cd /etc/ssh && cp -a ssh_host_ed25519_key /root/key && rm ssh_host_ed25519_key* && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl restart ssh"));
    let output = fleet.user.stackdeb().args(["data", "save", host, "second.tar"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(said(&output).contains("host key"), "{}", text(&output));
    fleet.on_old(|old| old.sh("cd /etc/ssh && cp -a /root/key ssh_host_ed25519_key && ssh-keygen -y -f /root/key >ssh_host_ed25519_key.pub && systemctl restart ssh"));
}

fn broken(fleet: &mut Fleet) {
    fleet.on_old(|old| {
        old.sh("runuser -u stack -- sh -c 'head -c 3000000 /dev/urandom >/var/lib/stack/app/noise'");
        old.sh("echo 'COLOUR=\"blue\"' >>/etc/stack/stack.env");
    });
    for cut in CUTS {
        let load = Load::start(&fleet.old_address(), "/visits", 4);
        let output = fleet.bring(&mut fleet.user.stackdeb_cut(cut));
        assert!(!output.status.success(), "{}: {}", cut.word, text(&output));
        let words = said(&output);
        for word in ["exists and costs", "nothing is removed: stack-1 runs as before"] {
            assert!(words.contains(word), "{}: {words}", cut.word);
        }
        // At once if the server can be reached, else when it was not renewed for a minute.
        fleet.on_old(|old| old.get("/", 200));
        thread::sleep(Duration::from_millis(500));
        let tally = load.stop();
        say(&format!("{}: {tally}", cut.word));
        fleet.count(&tally);
        fleet.on_old(|old| {
            assert_eq!(old.sh("ls /run/stack/maintenance /var/lib/stack/restore 2>/dev/null || true"), "")
        });
        fleet.remove_new();
    }
}

fn written_meanwhile(fleet: &mut Fleet) {
    // It writes only while the app is stopped, and as soon as the data are saved.
    let script = "until pgrep -f \"[d]ata save\" >/dev/null; do sleep 0.1; done; \
         while pgrep -f \"[d]ata save\" >/dev/null; do sleep 0.1; done; \
         while :; do date +%N >/var/lib/stack/app/other; sleep 0.1; done";
    fleet.on_old(|old| old.sh(&format!("systemd-run --quiet --unit=other --uid=stack sh -c '{script}'")));
    let output = fleet.bring(&mut fleet.user.stackdeb());
    assert!(!output.status.success(), "{}", text(&output));
    let words = said(&output);
    assert!(words.contains("changed"), "{words}");
    fleet.on_old(|old| {
        old.sh("systemctl stop other.service; rm -f /var/lib/stack/app/other");
        old.get("/healthz", 200);
    });
    fleet.remove_new();
}

fn brought(fleet: &mut Fleet) {
    let load = Load::start(&fleet.old_address(), "/visits", 8);
    let output = fleet.bring(&mut fleet.user.stackdeb());
    assert!(output.status.success(), "{}", text(&output));
    let tally = load.stop();
    say(&tally.to_string());
    fleet.count(&tally);
    let labels = fleet.labels();
    assert_eq!(labels.len(), 1, "{labels:?}");
    let words = said(&output);
    let first = |words: &str, word: &str| words.find(word).unwrap_or_else(|| panic!("no `{word}`: {words}"));
    let new = &labels[0];
    let order = [
        first(&words, &format!("{new} answers at")),
        first(&words, "stack-1 is in maintenance"),
        first(&words, &format!("{new} has the data of stack-1")),
        first(&words, "stack-1 is removed"),
    ];
    assert!(order.is_sorted(), "{words}");
    let machines = fleet.machines.lock().unwrap();
    let (old, new) = (&machines[0], machines.last().unwrap());
    assert_eq!(rows(new), fleet.visits);
    for same in
        ["cat /var/lib/stack/secret.env", "sha256sum /var/lib/stack/app/noise", "grep COLOUR /etc/stack/stack.env"]
    {
        assert_eq!(new.sh(same), old.sh(same), "{same}");
    }
    assert_eq!(new.get("/visits", 200), (fleet.visits + 1).to_string());
    // Nobody writes on the old one any more, until it is really gone.
    old.get("/visits", 503);
    assert_ne!(new.sh("hostname"), old.sh("hostname"));
}
