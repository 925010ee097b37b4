//! How much the stack serves, beside the set-up by hand, on this computer: the same app, nginx and PostgreSQL. On one side
//! the package's own settings of Gunicorn and nginx, with a socket that systemd's program holds; on the other
//! `gunicorn -b ADDRESS app:app`, which is one sync worker, behind `proxy_pass http://ADDRESS`.
//!
//! wrk and nginx run on the same processors, so with two of them ours cannot have more than what the other side leaves
//! idle. It needs a PostgreSQL server of its own, which pg_virtualenv(1) makes and removes.

mod support;

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use support::load::{self, Load};

const LOAD: Load = Load { connections: 16, seconds: 5, rounds: 5 };

fn main() {
    if env::var_os("PGPORT").is_none() {
        let error = Command::new("pg_virtualenv").arg(env::current_exe().unwrap()).args(env::args().skip(1)).exec();
        panic!("pg_virtualenv, of the package postgresql-common: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs, port] = [(); 3].map(|()| free_port());
    let package = unpack(folder.path());
    let app = package.join("usr/share/stack");
    migrate(&app);
    let _nginx = Server(nginx(folder.path(), &package, ours, theirs, port).spawn().unwrap());
    let socket = folder.path().join("app.sock");
    let mut ours_app = Command::new("systemd-socket-activate");
    ours_app.arg("--listen").arg(&socket).args(["--setenv=DATABASE_URL", "--setenv=PYTHONDONTWRITEBYTECODE"]);
    ours_app.args(["gunicorn", "--config"]).arg(package.join("etc/stack/gunicorn.conf.py")).arg("app:app");
    let mut theirs_app = Command::new("gunicorn");
    theirs_app.args(["-b", &format!("127.0.0.1:{port}"), "app:app"]);
    let _apps =
        [ours_app, theirs_app].map(|mut command| Server(with_database(command.current_dir(&app)).spawn().unwrap()));

    let [ours, theirs] = [ours, theirs].map(|port| vec![format!("http://127.0.0.1:{port}")]);
    for address in [&ours[0], &theirs[0]] {
        let wait = ["-sSf", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "-o", "/dev/null"];
        assert!(
            Command::new("curl")
                .args(wait)
                .arg(format!("{address}/healthz"))
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    }
    println!("{} processors, {} connections", thread::available_parallelism().unwrap(), LOAD.connections);
    load::head("by hand");
    for path in ["/", "/visits"] {
        load::compare(path, LOAD, &ours, &theirs);
    }
}

/// A server that ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Builds the stack's package, and unpacks it.
fn unpack(folder: &Path) -> std::path::PathBuf {
    let script = "cp -r \"$1/stack.toml\" \"$1/app\" . && \"$2\" deb >/dev/null && dpkg-deb -x dist/stack.deb package";
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh", env!("CARGO_MANIFEST_DIR"), env!("CARGO_BIN_EXE_stackdeb")]);
    assert!(command.current_dir(folder).status().unwrap().success());
    folder.join("package")
}

/// What pg_virtualenv made, as the app has it.
fn with_database(command: &mut Command) -> &mut Command {
    let [user, password, port] = ["PGUSER", "PGPASSWORD", "PGPORT"].map(|name| env::var(name).unwrap());
    command.env("DATABASE_URL", format!("postgresql://{user}:{password}@localhost:{port}/postgres"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdout(Stdio::null()).stderr(Stdio::null())
}

fn migrate(app: &Path) {
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres", "--file"]);
    assert!(psql.arg(app.join("migrations/0001_visits.sql")).status().unwrap().success());
}

/// nginx, as Debian sets it up, with the package's site and the one by hand.
fn nginx(folder: &Path, package: &Path, ours: u16, theirs: u16, app: u16) -> Command {
    let site = fs::read_to_string(package.join("etc/nginx/sites-available/stack")).unwrap();
    let site = site.replace("unix:/run/stack/stack.sock", &format!("unix:{}/app.sock", folder.display()));
    let site = site.replace("listen 80 ", &format!("listen 127.0.0.1:{ours} "));
    let site: Vec<&str> = site.lines().filter(|line| !line.contains("listen [::]")).collect();
    // Root's nginx would give its workers to a user who may not open the socket.
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let main = format!(
        "{user} worker_processes auto; daemon off; pid nginx.pid; error_log error.log;
         events {{ worker_connections 768; }}
         http {{
             access_log access.log; sendfile on; tcp_nopush on; types_hash_max_size 2048;
             client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
             {}
             server {{ listen 127.0.0.1:{theirs}; location / {{ proxy_pass http://127.0.0.1:{app}; }} }}
         }}",
        site.join("\n")
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, main).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(path).args(["-e", "error.log"]).stderr(Stdio::inherit());
    command
}
