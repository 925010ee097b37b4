//! `stackdeb data` between two servers, with visitors on both: what is saved on one is what the other has afterwards, and a
//! restore that does not finish leaves everything as it was.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::container::{Cards, Container, LIMIT, Options};
use support::load::{Load, Tally};
use support::server::Server;
use support::ssh::{Cut, Side, SshUser, said};
use support::{Built, text};

const CHECKS: &[Check<Servers>] = &[
    ("an_unknown_host_key_is_refused", unknown_host_key),
    ("a_save_disturbs_no_visitor", save_under_load),
    ("what_changes_while_it_is_saved_is_noticed", changing_files),
    ("in_maintenance_nothing_is_written", maintenance),
    ("a_forgotten_maintenance_ends", forgotten_maintenance),
    ("data_are_not_replaced_unasked", unasked),
    ("a_connection_that_breaks_changes_nothing", cut_off),
    ("data_that_do_not_work_are_not_kept", bad_data),
    ("the_other_server_has_what_was_saved", restore_under_load),
    ("a_restore_that_is_killed_is_undone", killed),
];

pub fn trials() -> Vec<Trial> {
    checks("data", Servers::boot, CHECKS)
}

struct Servers {
    user: SshUser,
    old: Container,
    new: Container,
}

/// Names and contents that a copy may get wrong.
const FILES: &str = r#"
cd /var/lib/stack/app
mkdir -p 'a folder' empty "$(printf 'line\nbreak')"
printf 'text\n' >'a folder/caf\303\251'
: >"$(printf 'not-utf8-\377')"
head -c 5000000 /dev/urandom >'a folder/noise'
printf x >"$(printf 'line\nbreak')/x"; chmod 0400 "$(printf 'line\nbreak')/x"
ln -s ../../../../etc/passwd link; ln -s 'a folder' inner; printf '#!/bin/sh\n' >run; chmod 0750 run
"#;

/// The state of a server as other programs see it: the database, the files, the secret, the settings.
const STATE: &str = "runuser -u postgres -- pg_dump --no-owner stack | grep -v '^.\\(un\\)\\?restrict '
cd /var/lib/stack/app && find . -printf '%P|%y|%m|%U|%l\\n' | LC_ALL=C sort
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
stat -c '%U:%G %a' ../secret.env; cat ../secret.env";

impl Servers {
    fn boot() -> Self {
        let user = SshUser::new("data");
        let start = |name: &str| {
            let user_data = user.user_data(name);
            let options =
                Options { name, number: None, image: Built::Image, user_data: Some(&user_data), cards: Cards::One };
            Container::start(&options)
        };
        let (old, new) = (start("old"), start("new"));
        for server in [&old, &new] {
            server.wait_until_booted();
            server.get("/healthz", 200);
        }
        old.sh(&format!("runuser -u stack -- sh -euc {}", quote(FILES)));
        for _ in 0..5 {
            old.get("/visits", 200);
        }
        new.get("/visits", 200);
        Self { user, old, new }
    }

    /// As the user starts it: `stackdeb data save`, and so on.
    fn data(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.stackdeb();
        command.arg("data").args(arguments);
        command
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.data(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}\n{}", output.status, text(&output));
        said(&output)
    }

    #[track_caller]
    fn fail(&self, command: &mut Command, status: i32, words: &[&str]) {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", text(&output));
        for word in words {
            assert!(said(&output).contains(word), "`{word}` is missing: {}", text(&output));
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.user.work().join(name)
    }
}

fn quote(script: &str) -> String {
    format!("'{}'", script.replace('\'', r"'\''"))
}

fn state(server: &Container) -> String {
    server.sh(STATE)
}

/// Waits until no restore or save runs there any more, and returns what it has.
fn state_at_rest(server: &Container) -> String {
    let begin = Instant::now();
    while !server.try_sh("flock --nonblock --exclusive /var/lib/stack/data.lock true").status.success() {
        assert!(begin.elapsed() < LIMIT, "the restore goes on without its sender");
        thread::sleep(Duration::from_millis(200));
    }
    state(server)
}

/// Nothing of a restore is left, and the site is in service.
#[track_caller]
fn assert_clean(server: &Container) {
    let databases = "cd /; runuser -u postgres -- psql -XAtc \"SELECT datname FROM pg_database ORDER BY 1\"";
    assert_eq!(server.sh(databases), "postgres\nstack\ntemplate0\ntemplate1");
    let left = "ls -d /var/lib/stack/restore /run/stack/maintenance /run/systemd/system/stack.service.d \
                /etc/systemd/system/stack.service.d/zz* 2>/dev/null || true";
    assert_eq!(server.sh(left), "");
    // A health check may have come while the site was away, and has said so.
    server.settle();
    server.get("/healthz", 200);
}

fn unknown_host_key(servers: &mut Servers) {
    let host = servers.old.host();
    servers.fail(
        &mut servers.data(&["save", host, "unknown.tar"]),
        4,
        &["connection to", "host key", "ssh-keygen -lf", "connect once with"],
    );
    assert!(!servers.file("unknown.tar").exists());
    servers.user.know(&servers.old);
    servers.user.know(&servers.new);
    servers.fail(&mut servers.data(&["save", "-oProxyCommand=id", "x.tar"]), 2, &[]);
    servers.fail(&mut servers.data(&["save", "--", "-oProxyCommand=id", "x.tar"]), 1, &["is not the name of a server"]);
    servers.fail(&mut servers.data(&["save", "--package", "shop", host]), 1, &["called shop", "it has stack"]);
}

fn save_under_load(servers: &mut Servers) {
    let load = Load::start(&servers.old.address(), "/visits", 4);
    thread::sleep(Duration::from_secs(1));
    let printed = servers.succeed(&["save", servers.old.host(), "busy.tar"]);
    let tally = load.stop();
    assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "{tally}");
    assert!(printed.contains("rows in 2 tables, 5 files"), "{printed}");
    // tar knows the format, and nobody else may read the secrets in it.
    let listed = support::run(Command::new("tar").arg("-tf").arg(servers.file("busy.tar")));
    for name in ["stackdeb-data.json", "secret.env", "app/a folder/noise", "database/00000001", "end.json"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert_eq!(support::run(Command::new("stat").args(["-c", "%a"]).arg(servers.file("busy.tar"))), "600\n");
    servers.fail(&mut servers.data(&["save", servers.old.host(), "busy.tar"]), 1, &["exists already"]);
}

fn changing_files(servers: &mut Servers) {
    let write = "while :; do date +%N >/var/lib/stack/app/ticking; done";
    servers.old.sh(&format!("systemd-run --quiet --unit=writer --uid=stack sh -c {}", quote(write)));
    let mut command = servers.data(&["save", servers.old.host(), "torn.tar"]);
    servers.fail(&mut command, 1, &["ticking", "changed while it was saved", "--maintenance"]);
    assert!(!servers.file("torn.tar").exists());
    servers.old.sh("systemctl stop writer.service; rm /var/lib/stack/app/ticking");
}

/// Every answer is the app's or the one of the maintenance, and no connection breaks.
#[track_caller]
fn assert_served(tally: &Tally) {
    let in_maintenance = |failure: &String| failure.starts_with("503: The site is in maintenance.");
    assert!(tally.failures.iter().all(in_maintenance), "{tally} {:?}", tally.failures);
    assert!(tally.good > 10, "{tally}");
}

fn maintenance(servers: &mut Servers) {
    let old = &servers.old;
    let load = Load::start(&old.address(), "/visits", 8);
    thread::sleep(Duration::from_secs(1));
    let token = old.sh("/usr/libexec/stack/maintenance on 60");
    let url = format!("http://{}/visits", old.address());
    let answer = support::run(Command::new("curl").args(["-s", "-i", "-d", "x=1", &url]));
    let lower = answer.to_lowercase();
    assert!(lower.starts_with("http/1.1 503") && lower.contains("\r\nretry-after: "), "{answer}");
    let before = state(old);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(state(old), before, "something was written");
    old.sh(&format!("/usr/libexec/stack/maintenance renew {token} 60 && /usr/libexec/stack/maintenance off"));
    thread::sleep(Duration::from_secs(1));
    let tally = load.stop();
    assert!(tally.failed > 0, "{tally}");
    assert_served(&tally);
    assert!(!old.try_sh(&format!("/usr/libexec/stack/maintenance renew {token} 60")).status.success());
    assert_clean(old);
    servers.succeed(&["save", "--maintenance", servers.old.host(), "still.tar"]);
    assert_clean(&servers.old);
}

fn forgotten_maintenance(servers: &mut Servers) {
    servers.old.sh("/usr/libexec/stack/maintenance on 3");
    servers.old.get("/", 503);
    servers.old.get("/", 200);
    // The one that saves is killed: with it goes the maintenance.
    let cut = Cut { word: "--maintenance", side: Side::Answer, at: 20_000 };
    let mut command = servers.user.stackdeb_cut(cut);
    servers.fail(command.args(["data", "save", "--maintenance", servers.old.host(), "cut.tar"]), 1, &[]);
    assert!(!servers.file("cut.tar").exists());
    state_at_rest(&servers.old);
    assert_clean(&servers.old);
}

fn unasked(servers: &mut Servers) {
    let (before, host) = (state(&servers.new), servers.new.host());
    let words = ["no terminal", "1 rows in the database stack", "saved on old at", "--yes stack"];
    servers.fail(&mut servers.data(&["restore", host, "still.tar"]), 1, &words);
    servers.fail(&mut servers.data(&["restore", "--yes", "shop", host, "still.tar"]), 1, &["--yes names `shop`"]);
    let refused = servers.new.try_sh("/usr/libexec/stack/data restore </dev/null");
    assert!(!refused.status.success() && text(&refused).contains("only with --replace"), "{}", text(&refused));
    assert_eq!(state(&servers.new), before);
}

fn cut_off(servers: &mut Servers) {
    let (before, host) = (state(&servers.new), servers.new.host());
    let whole = fs::read(servers.file("still.tar")).unwrap();
    let load = Load::start(&servers.new.address(), "/", 4);
    let length = whole.len() as u64;
    for at in [0, 100, 1000, 10_000, length / 2, length - 20_000, length - 5000, length - 1100] {
        let mut command = servers.user.stackdeb_cut(Cut { word: "restore", side: Side::Input, at });
        let output = command.args(["data", "restore", "--yes", "stack", host, "still.tar"]).output().unwrap();
        assert!(!output.status.success(), "{at}: {}", text(&output));
        assert_eq!(state_at_rest(&servers.new), before, "after {at} bytes");
        assert_clean(&servers.new);
    }
    // A file that was cut off is not even sent, and one that was changed is noticed by its sums.
    fs::write(servers.file("short.tar"), &whole[..whole.len() / 2]).unwrap();
    servers.fail(&mut servers.data(&["restore", "--yes", "stack", host, "short.tar"]), 1, &["not a whole save"]);
    let mut changed = whole;
    let noise = changed.windows(6).position(|window| window == b"/noise").unwrap() + 100_000;
    changed[noise] ^= 1;
    fs::write(servers.file("changed.tar"), &changed).unwrap();
    servers.fail(&mut servers.data(&["restore", "--yes", "stack", host, "changed.tar"]), 1, &["files differ"]);
    let tally = load.stop();
    assert_eq!((tally.failed, &tally.failures), (0, &Vec::new()), "the site was disturbed: {tally}");
    assert_eq!(state_at_rest(&servers.new), before);
    assert_clean(&servers.new);
}

/// Data whose migrations fail, because nobody knows any more that they have been run.
fn bad_data(servers: &mut Servers) {
    let psql = "cd /; runuser -u postgres -- psql -XAtq -d stack -c";
    servers.old.sh(&format!("{psql} 'ALTER TABLE schema_migrations RENAME TO elsewhere'"));
    servers.succeed(&["save", servers.old.host(), "bad.tar"]);
    servers.old.sh(&format!("{psql} 'ALTER TABLE elsewhere RENAME TO schema_migrations'"));
    let (before, host) = (state(&servers.new), servers.new.host());
    let mut command = servers.data(&["restore", "--yes", "stack", host, "bad.tar"]);
    servers.fail(&mut command, 1, &["migrations failed", "old data are put back"]);
    assert_eq!(state_at_rest(&servers.new), before);
    assert_clean(&servers.new);
}

fn restore_under_load(servers: &mut Servers) {
    let (old, new) = (&servers.old, &servers.new);
    // What the administrator of the old server has set, and what the one of the new server has set otherwise.
    old.sh("printf 'COLOUR=\"deep \\\\\"blue\\\\\"\"\\nSIZE=1\\n' >>/etc/stack/stack.env; echo '# ours' >>/etc/stack/health.toml");
    old.sh("mkdir -p /etc/systemd/system/stack.service.d && printf '[Service]\\nNice=5\\n' >/etc/systemd/system/stack.service.d/nice.conf");
    new.sh("echo SIZE=2 >>/etc/stack/stack.env");
    servers.succeed(&["save", old.host(), "last.tar"]);
    let (saved, load) = (state(old), Load::start(&new.address(), "/", 8));
    thread::sleep(Duration::from_secs(1));
    let printed = servers.succeed(&["restore", "--yes", "stack", new.host(), "last.tar"]);
    let restored = state(new);
    thread::sleep(Duration::from_secs(1));
    assert_served(&load.stop());
    assert_eq!(restored, saved);
    assert!(printed.contains("SIZE is set here in /etc/stack/stack.env, and stays"), "{printed}");
    assert_eq!(new.sh("grep -cFx 'COLOUR=\"deep \\\"blue\\\"\"' /etc/stack/stack.env"), "1");
    assert_eq!(new.sh("grep '^SIZE' /etc/stack/stack.env; tail -n 1 /etc/stack/health.toml"), "SIZE=2\n# ours");
    assert_eq!(new.sh("systemctl show -P Nice stack.service"), "5");
    let environment = "tr '\\0' '\\n' </proc/$(systemctl show -P MainPID stack.service)/environ | grep ^SECRET_KEY";
    assert_eq!(new.sh(environment), new.sh("cat /var/lib/stack/secret.env"));
    assert_clean(new);
    // The app goes on where it was.
    let count = old.sh("cd /; runuser -u postgres -- psql -XAtc 'SELECT count(*) + 1 FROM visits' stack");
    assert_eq!(new.get("/visits", 200), count);
    // Purge still knows the database for the package's own.
    let mark = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'stack'";
    assert_eq!(new.sh(&format!("cd /; runuser -u postgres -- psql -XAtc \"{mark}\"")), "Made by the package stack.");
}

/// Killed when the new data are in place already, but have not been found to work.
fn killed(servers: &mut Servers) {
    let (new, host) = (&servers.new, servers.new.host());
    let before = state(new);
    // The restore asks twice whether the app is well: before it begins, and at its end. There it gets no answer.
    let script = "#!/bin/sh\necho >>/root/asked\n[ $(wc -l </root/asked) -ge 2 ] || exit 0\necho $$ >/root/hanging\nexec sleep 1000";
    let await_app = "/usr/libexec/stack/await-app";
    new.sh(&format!("cp -a {await_app} /root/await-app && printf %s {} >{await_app}", quote(script)));
    let mut restore = servers.data(&["restore", "--yes", "stack", host, "busy.tar"]).spawn().unwrap();
    let begin = Instant::now();
    while !new.try_sh("[ -s /root/hanging ]").status.success() {
        assert!(begin.elapsed() < LIMIT, "the restore does not finish");
        thread::sleep(Duration::from_millis(100));
    }
    let parent = new.sh("awk '$1 == \"PPid:\" { print $2 }' /proc/$(cat /root/hanging)/status");
    assert!(new.sh(&format!("tr '\\0' ' ' </proc/{parent}/cmdline")).ends_with("/data restore --replace"));
    new.sh(&format!("kill -KILL {parent} $(cat /root/hanging)"));
    assert!(!restore.wait().unwrap().success());
    assert_ne!(state(new), before);
    // What the next boot does before it starts the app.
    new.sh("systemctl restart stack.service");
    assert_eq!(state_at_rest(new), before);
    new.sh(&format!("cp -a /root/await-app {await_app}"));
    assert_clean(new);
}
