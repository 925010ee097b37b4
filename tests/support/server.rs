//! A booted Debian, be it a machine under emulation or a container: what tests do with either.

use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::text;

/// Between two looks at something that is waited for.
const POLL: Duration = Duration::from_millis(500);

/// A booted Debian with the stack, in a container or an emulated machine, and root's shell on it.
pub trait Server {
    /// Where its site is: HOST:PORT.
    fn address(&self) -> String;

    /// How long it may take until something happens there.
    fn limit(&self) -> Duration;

    fn console(&self) -> String;

    /// Runs a shell command as root; whatever comes of it.
    fn try_sh(&self, command: &str) -> Output;

    /// Copies a file to `/root` there.
    fn copy(&self, file: &Path);

    /// Runs a shell command as root that must succeed, and returns what it printed, trimmed.
    #[track_caller]
    fn sh(&self, command: &str) -> String {
        let output = self.try_sh(command);
        if !output.status.success() {
            let journal = if command.contains("systemctl") {
                self.try_sh("journalctl -n 60 --no-pager -o cat").stdout
            } else {
                vec![]
            };
            let journal = String::from_utf8_lossy(&journal);
            panic!("on the server, `{command}`: {}\n{}\n{journal}", output.status, text(&output));
        }
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// GETs a path through nginx until it answers `status`, and returns the body.
    #[track_caller]
    fn get(&self, path: &str, status: u16) -> String {
        let url = format!("http://{}{path}", self.address());
        let begin = Instant::now();
        loop {
            let output = Command::new("curl").args(["-s", "-m", "30", "-w", "\n%{http_code}", &url]).output().unwrap();
            let answer = String::from_utf8_lossy(&output.stdout).into_owned();
            if let Some(body) = answer.strip_suffix(&format!("\n{status}")) {
                return body.trim().to_owned();
            }
            assert!(begin.elapsed() < self.limit(), "{url} answers `{answer}`\n{}", self.console());
            thread::sleep(POLL);
        }
    }

    /// Waits until systemd has started everything, and returns its state: `running` when nothing failed.
    fn system_state(&self) -> String {
        String::from_utf8_lossy(&self.try_sh("systemctl is-system-running --wait").stdout).trim().to_owned()
    }

    /// Waits until everything is started, and nothing has failed. The machine may be so busy, or nginx restart at that
    /// moment, that a health check finds the site slow, and says so; the next must find nothing.
    #[track_caller]
    fn settle(&self) {
        self.system_state();
        let failed = self.sh("systemctl --failed --no-legend --plain | cut -d' ' -f1");
        for health in failed.lines().filter(|unit| unit.ends_with("-health.service")) {
            self.sh(&format!("systemctl start {health}"));
        }
        assert_eq!(self.system_state(), "running", "{}", self.sh("systemctl --failed"));
    }
}
