//! Upgrades with apt while requests come in, and two versions that can be told apart: on a booted machine, and in a booted
//! container, which is as fast as this computer.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::edition::{edit, edition};
use super::lanes::say;
use super::load::{Load, Tally};
use super::server::Server;

/// What `/` says in version 1.0.0, and in 2.0.0.
pub const OLD: &str = "the old sentence";
pub const NEW: &str = "the new sentence";

/// Builds both versions below `folder`.
pub fn versions(folder: &Path) -> [PathBuf; 2] {
    [edition(folder, "1.0.0", with_slow_pages(OLD)), edition(folder, "2.0.0", with_slow_pages(NEW))]
}

/// Another sentence, and pages that take their time: `/slow` takes five seconds, `/held` until the app's file `go` is there.
fn with_slow_pages(sentence: &'static str) -> impl Fn(&Path) {
    move |project| {
        let app = project.join("app/app.py");
        edit(&app, "import os\n", "import os\nimport time\n");
        edit(&app, "Hello from Flask via systemd!", sentence);
        let slow = format!("@app.get(\"/slow\")\ndef slow():\n    time.sleep(5)\n    return \"{sentence}\"\n\n\n");
        let held = format!(
            "@app.get(\"/held\")\ndef held():\n    open(\"{HELD_PAGE}/asked\", \"w\").close()\n    \
             while not os.path.exists(\"{HELD_PAGE}/go\"):\n        time.sleep(0.1)\n    return \"{sentence}\"\n\n\n"
        );
        edit(&app, "@app.get(\"/visits\")", &format!("{slow}{held}@app.get(\"/visits\")"));
    }
}

/// Has apt go to a version of the package, which is in `/root` there and has to be taken, and returns all that it says.
#[track_caller]
pub fn install(server: &impl Server, version: &str) -> String {
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades";
    let said = server.sh(&format!("cd /root && {apt} ./stack_{version}_amd64.deb 2>&1"));
    assert_eq!(server.sh("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' stack"), format!("ii  {version}"));
    said
}

/// Visits so far, this one not among them.
pub fn count(server: &impl Server) -> u64 {
    server.sh("runuser -u stack -- psql -At stack -c 'select count(*) from visits'").parse().unwrap()
}

/// Where the app writes that `/held` was asked for, and waits for the file `go`.
const HELD_PAGE: &str = "/var/lib/stack/app";

/// A request for `/held` that the app is answering, in a process that would wait ten minutes for it. The package's limit is 30
/// seconds, and apt may take longer on a busy machine.
pub struct HeldRequest {
    curl: Child,
    settings: String,
}

impl HeldRequest {
    /// Sets the limit, by its name in a file of the server's settings, restarts the app, and sends the request.
    #[track_caller]
    pub fn start(server: &impl Server, settings: &str, limit: &str) -> Self {
        Self::start_within(server, settings, limit, 600)
    }

    /// The same with another limit, in seconds.
    #[track_caller]
    pub fn start_within(server: &impl Server, settings: &str, limit: &str, seconds: u32) -> Self {
        let settings = format!("/etc/stack/{settings}");
        server.sh(&format!("echo '{limit} = {seconds}' >>{settings} && systemctl restart stack.service"));
        let url = format!("http://{}/held", server.address());
        let curl = Command::new("curl").args(["-s", "-m", "600", &url]).stdout(Stdio::piped()).spawn().unwrap();
        server.sh(&format!("until [ -e {HELD_PAGE}/asked ]; do sleep 0.1; done"));
        Self { curl, settings }
    }

    /// Has the app, after an upgrade, answer it, and returns the answer. Until now it was held.
    #[track_caller]
    pub fn end(mut self, server: &impl Server) -> String {
        assert!(self.curl.try_wait().unwrap().is_none(), "it was answered before");
        server.sh(&format!("test ! -e /run/stack/hand-over && touch {HELD_PAGE}/go"));
        self.ended(server)
    }

    /// Waits until it is answered, by whomever.
    #[track_caller]
    pub fn ended(self, server: &impl Server) -> String {
        let answer = self.curl.wait_with_output().unwrap().stdout;
        server.sh(&format!("rm -f {HELD_PAGE}/asked {HELD_PAGE}/go; sed -i '$d' {}", self.settings));
        String::from_utf8(answer).unwrap()
    }
}

/// An upgrade is through, and its version serves, while the version before still answers a request.
pub fn with_a_slow_request(server: &impl Server) {
    let held = HeldRequest::start(server, "gunicorn.conf.py", "graceful_timeout");
    install(server, "2.0.0");
    assert_eq!(server.get("/", 200), NEW);
    assert_eq!(held.end(server), OLD);
    install(server, "1.0.0");
}

/// The socket's inode and the time since when it is held, and nginx's own process.
const HELD: &str = "stat -c %i /run/stack/stack.sock; systemctl show -P ActiveEnterTimestampMonotonic stack.socket; \
    systemctl show -P MainPID nginx.service";

/// From 1.0.0 to 2.0.0 and back, `times` times: no request fails, and no acknowledged visit is lost.
pub fn under_load(server: &impl Server, times: usize) {
    let visits = count(server);
    let held = server.sh(HELD);
    let started = "systemctl show -P ExecMainStartTimestampMonotonic stack.service";
    let before = server.sh(started);
    let loads =
        [("/", 24), ("/visits", 8), ("/slow", 3)].map(|(path, many)| Load::start(&server.address(), path, many));
    // Some of it is to be there before.
    thread::sleep(Duration::from_secs(2));
    let mut said = String::new();
    for version in ["2.0.0", "1.0.0"].iter().cycle().take(2 * times) {
        said += &install(server, version);
    }
    thread::sleep(Duration::from_secs(2));
    let tallies = loads.map(Load::stop);
    for tally in &tallies {
        say(&tally.to_string());
    }
    for tally in &tallies {
        let seen = || {
            server.sh(
                "tail -n 20 /var/log/nginx/error.log; journalctl --no-pager -o short-precise -n 200 -u stack.service",
            )
        };
        assert!(tally.failed == 0, "{tally}: {:?}\n{}\n{said}", tally.failures, seen());
    }
    let [index, counted, slow] = &tallies;
    for Tally { path, bodies, .. } in [index, slow] {
        assert_eq!(bodies.iter().map(String::as_str).collect::<Vec<_>>(), [NEW, OLD], "{path}");
    }
    // No visit that was acknowledged is lost. One that nginx sent twice may count twice.
    assert!(count(server) >= visits + counted.good, "{} of {}", count(server), visits + counted.good);
    assert_ne!(server.sh(started), before);
    assert_eq!(server.sh(HELD), held, "the socket was not held, or nginx was restarted");
    // A drain that had come to its limit would have been ended by force.
    let journal = server.sh("journalctl --no-pager -u stack.service");
    assert!(!journal.contains("SIGKILL") && !journal.contains("timed out"), "{journal}");
}
