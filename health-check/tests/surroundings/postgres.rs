//! A PostgreSQL server of a test's own, in a temporary folder.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use support::run;
use tempfile::TempDir;

/// A folder that the user `postgres` owns, so that the server, which refuses to run as root, can write there.
fn postgres_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().expect("this test needs the package postgresql");
        chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
    folder
}

/// A program of the newest PostgreSQL here. The one in /usr/bin would first choose one of Debian's clusters.
pub fn path_of(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("this test needs the package postgresql");
    let newest = versions
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0));
    let program = newest.unwrap().join("bin").join(name);
    assert!(program.exists(), "{} is missing; this test needs the package postgresql", program.display());
    program
}

/// The same, run as an ordinary user.
fn postgres_program(name: &str) -> Command {
    let program = path_of(name);
    if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

/// A server of its own in a temporary folder; stopped at the end.
pub struct Postgres {
    folder: TempDir,
    port: u16,
}

impl Default for Postgres {
    fn default() -> Self {
        Self::on_port(5432)
    }
}

impl Postgres {
    /// One whose socket, and whatever else it listens on, has this port.
    pub fn on_port(port: u16) -> Self {
        let folder = postgres_folder();
        let data = folder.path().join("data");
        run(postgres_program("initdb").args(["--auth=trust", "--no-sync", "-U", "postgres", "-D"]).arg(data));
        Self { folder, port }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn socket(&self) -> String {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port)).to_str().unwrap().to_owned()
    }

    /// Starts, with this access rule for everybody; `-W` because a server that is not ready is wanted, too.
    pub fn start(&self, rule: &str) {
        self.start_with(rule, "-c listen_addresses=");
    }

    /// The same with options of its own (postgres(1)).
    pub fn start_with(&self, rule: &str, options: &str) {
        fs::write(self.data().join("pg_hba.conf"), format!("local all all {rule}\n")).unwrap();
        let options =
            format!("{options} -c port={} -c unix_socket_directories={}", self.port, self.folder.path().display());
        let mut start = postgres_program("pg_ctl");
        start.arg("-D").arg(self.data()).args(["-W", "-o", &options, "-l"]).arg(self.folder.path().join("log"));
        run(start.arg("start"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !Path::new(&self.socket()).exists() {
            assert!(Instant::now() < deadline, "the server does not come up");
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn stop(&self) {
        run(postgres_program("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]));
    }

    /// Until pg_isready(1) says so: 0 accepting, 1 rejecting.
    pub fn wait_until(&self, state: i32) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut asked = postgres_program("pg_isready");
        asked.args(["-q", "-p", &self.port.to_string(), "-h"]).arg(self.folder.path());
        while asked.status().unwrap().code() != Some(state) {
            assert!(Instant::now() < deadline, "the server does not come into the state {state}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            _ = postgres_program("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]).output();
        }
    }
}
