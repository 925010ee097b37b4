//! How many requests a second the app serves on this computer, with the settings of the package and with a set-up by
//! hand. Both have the same app, nginx and PostgreSQL. The package starts Gunicorn with its own settings on a socket
//! of systemd-socket-activate(1). The set-up by hand is `gunicorn -b ADDRESS app:app`, which is one worker of the
//! class sync, behind `proxy_pass http://ADDRESS`. nginx is without its module for Brotli here.
//!
//! `/static/site.css` is a file: nginx serves it with the package (`[[site.static]]`), Flask with the set-up by hand. It is
//! asked for under its plain name, under a name with a hash, and under that one as browsers do, who take the copy that was
//! compressed when the package was built.
//!
//! wrk and nginx run on the same processors as the app. On two processors the package can only use what the
//! set-up by hand leaves idle. The benchmark makes a PostgreSQL server for itself with pg_virtualenv(1), which
//! removes it at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use support::edition::edit;
use support::local_site::{LocalSite, free_port, terminate};
use support::open_loop;
use support::run;
use support::wrk::{self, Load};

/// The same file under the name that a build gives it.
const HASHED: &str = "/static/site.791c27bff3b9.css";

const LOAD: Load = Load { connections: 16, seconds: 5, rounds: 5 };

fn main() {
    if env::var_os("PGPORT").is_none() {
        let error = Command::new("pg_virtualenv").arg(env::current_exe().unwrap()).args(env::args().skip(1)).exec();
        panic!("pg_virtualenv, of the package postgresql-common: {error}");
    }
    let (theirs, port) = (free_port(), free_port());
    let by_hand =
        format!("server {{ listen 127.0.0.1:{theirs}; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}");
    let mut site = LocalSite::start_with(&by_hand, with_file);
    migrate(&site.app_folder());
    let database = database();
    site.start_app(&[("DATABASE_URL", &database)]);
    let mut gunicorn = Command::new("gunicorn");
    gunicorn.args(["-b", &format!("127.0.0.1:{port}"), "app:app"]).current_dir(site.app_folder());
    gunicorn.env("DATABASE_URL", database).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut app = gunicorn.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    let [ours, theirs] =
        [site.address.clone(), format!("127.0.0.1:{theirs}")].map(|address| vec![format!("http://{address}")]);
    for address in [&ours[0], &theirs[0]] {
        let wait = ["-sSf", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "-o", "/dev/null"];
        run(Command::new("curl").args(wait).arg(format!("{address}/healthz")));
    }
    println!("{} processors, {} connections", thread::available_parallelism().unwrap(), LOAD.connections);
    wrk::head("by hand");
    let sustained = ["/", "/visits"].map(|path| (path, wrk::compare(path, LOAD, &ours, &theirs)));
    wrk::compare("/static/site.css", LOAD, &ours, &theirs);
    wrk::compare_as("with a hash", HASHED, LOAD, &ours, &theirs);
    let [ours_compressed, theirs_compressed] =
        [&ours, &theirs].map(|address| [address.as_slice(), &browser()].concat());
    wrk::compare_as("the same, a browser", HASHED, LOAD, &ours_compressed, &theirs_compressed);
    println!();
    open_loop::head("by hand");
    for (path, sustained) in sustained {
        let [ours, theirs] = [&ours[0], &theirs[0]].map(|address| address.strip_prefix("http://").unwrap());
        open_loop::compare(path, sustained, ours, theirs);
    }
    terminate(&mut app);
}

/// What every browser says: it takes compressed files.
fn browser() -> [String; 2] {
    ["-H", "Accept-Encoding: gzip, deflate, br"].map(str::to_owned)
}

/// Gives the project a file of 20 kB, as a style sheet is.
fn with_file(project: &Path) {
    let folder = project.join("app/static");
    fs::create_dir(&folder).unwrap();
    let rules = (0..400).map(|number| format!(".column-{number} {{ width: {number}px; order: {number}; }}\n"));
    let rules: String = rules.collect();
    for name in ["/static/site.css", HASHED] {
        fs::write(project.join("app").join(&name[1..]), &rules).unwrap();
    }
    edit(
        &project.join("stack.toml"),
        "[database]",
        "[[site.static]]\npath = \"/static/\"\nfolder = \"app/static\"\n\n[database]",
    );
}

/// The `DATABASE_URL` of the server that pg_virtualenv has made.
fn database() -> String {
    let [user, password, port] = ["PGUSER", "PGPASSWORD", "PGPORT"].map(|name| env::var(name).unwrap());
    format!("postgresql://{user}:{password}@localhost:{port}/postgres")
}

fn migrate(app: &Path) {
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres", "--file"]);
    run(psql.arg(app.join("migrations/0001_visits.sql")));
}
