//! The script that makes the app's own role in a PostgreSQL server that somebody else runs, against a server of
//! the test's own whose administrator is no superuser, as that of a managed database. Needs the package
//! postgresql; as root, also runuser.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use support::text;
use tempfile::TempDir;

/// As PostgreSQL has it.
const ADMIN_PASSWORD: &str = "r00t's \"swordfish\" $x \\";
const ROLE_PASSWORD: &str = "0wn's swordfish";

pub fn trials() -> Vec<Trial> {
    support::tests![the_app_gets_a_role_that_administers_nothing, what_is_not_complete_is_refused]
}

/// A server where every connection needs its password.
struct Server {
    folder: TempDir,
    programs: PathBuf,
    script: PathBuf,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let versions = fs::read_dir("/usr/lib/postgresql").expect("the package postgresql is needed");
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max().expect("no PostgreSQL server");
        let script = folder.path().join("make-database-role");
        let rendering = tempfile::tempdir().unwrap();
        let text = support::stack::rendered_file(rendering.path(), "/usr/libexec/guest-book/make-database-role");
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let server = Self { folder, programs, script };
        fs::write(server.path("password"), "superuser\n").unwrap();
        let (data, socket) = (server.path("data"), server.folder.path().display());
        let mut initdb = server.command("initdb");
        initdb.args(["-U", "postgres", "--auth=scram-sha-256", "--pwfile"]).arg(server.path("password"));
        server.succeed(initdb.arg("-D").arg(&data));
        let options = format!("-c listen_addresses='' -c fsync=off -k {socket}");
        let mut start = server.command("pg_ctl");
        start.args(["start", "-w", "-l"]).arg(server.path("log")).arg("-D").arg(&data).args(["-o", &options]);
        server.succeed(&mut start);
        let sql =
            format!("CREATE ROLE akmadmin LOGIN CREATEROLE CREATEDB PASSWORD '{}'", ADMIN_PASSWORD.replace('\'', "''"));
        server.query("postgres", "superuser", "postgres", &sql);
        server.query("postgres", "superuser", "postgres", "CREATE DATABASE defaultdb OWNER akmadmin");
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of PostgreSQL's, or a script, as a user who is not root.
    fn command(&self, program: &str) -> Command {
        let program = if program.starts_with('/') { program.into() } else { self.programs.join(program) };
        let mut command = Command::new(if nix::unistd::geteuid().is_root() { "runuser" } else { "env" });
        if nix::unistd::geteuid().is_root() {
            command.args(["-u", "postgres", "--"]);
        }
        command.arg(program).current_dir("/").stdin(Stdio::null());
        command.env("PGHOST", self.folder.path());
        command
    }

    fn succeed(&self, command: &mut Command) {
        // pg_ctl leaves a server behind that would keep a pipe open, so the output goes to a file.
        let file = fs::File::create(self.path("said")).unwrap();
        let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        assert!(status.success(), "{command:?}: {}", fs::read_to_string(self.path("said")).unwrap());
    }

    /// What somebody with that password sees in a database.
    fn try_query(&self, user: &str, password: &str, database: &str, sql: &str) -> Output {
        let mut psql = self.command("psql");
        psql.env("PGUSER", user).env("PGPASSWORD", password);
        psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]).output().unwrap()
    }

    #[track_caller]
    fn query(&self, user: &str, password: &str, database: &str, sql: &str) -> String {
        let output = self.try_query(user, password, database, sql);
        assert!(output.status.success(), "{sql}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The script with the variables of the environment file.
    fn making(&self) -> Command {
        let mut command = self.command(&self.script.display().to_string());
        command.env("PGUSER", "akmadmin").env("PGPASSWORD", ADMIN_PASSWORD).env("PGDATABASE", "defaultdb");
        command.env("ROLE_NAME", "shop-1").env("ROLE_PASSWORD", ROLE_PASSWORD).env("ROLE_DATABASE", "shop");
        command.env(
            "PATH",
            format!("{}:{}:/usr/bin:/bin:/usr/sbin:/sbin", self.folder.path().display(), self.programs.display()),
        );
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.path("data")).stdout(Stdio::null()).status();
    }
}

fn the_app_gets_a_role_that_administers_nothing() {
    let server = Server::start();
    // Every user of the machine sees the arguments of a program.
    let told = server.path("arguments");
    fs::write(&told, "").unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666)).unwrap();
    let real = server.programs.join("psql");
    let wrapper = format!("#!/bin/sh\necho \"$@\" >>'{}'\nexec '{}' \"$@\"\n", told.display(), real.display());
    fs::write(server.path("psql"), wrapper).unwrap();
    fs::set_permissions(server.path("psql"), fs::Permissions::from_mode(0o755)).unwrap();
    // Two machines start at once, and one of them later once more.
    let both = [0, 1].map(|_| server.making().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    for one in both {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    }
    let output = server.making().output().unwrap();
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
    let arguments = fs::read_to_string(&told).unwrap();
    assert!(arguments.lines().count() == 3 && !arguments.contains("swordfish"), "{arguments}");

    let app = |database: &str, sql: &str| server.try_query("shop-1", ROLE_PASSWORD, database, sql);
    let rights = "SELECT current_user, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles \
                  WHERE rolname = current_user";
    let output = app("shop", rights);
    assert_eq!(text(&output).trim(), "shop-1|f|f|f|f|f");
    let owner = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'shop'";
    assert_eq!(text(&app("shop", owner)).trim(), "shop-1|UTF8");
    assert!(app("shop", "CREATE TABLE visits (n int); INSERT INTO visits VALUES (1)").status.success());
    // An attacker who has taken over the app is not the administrator, and cannot become it.
    for attack in [
        "SET ROLE akmadmin",
        "SET SESSION AUTHORIZATION akmadmin",
        "CREATE ROLE evil",
        "CREATE DATABASE evil",
        "ALTER ROLE \"shop-1\" CREATEROLE",
        "ALTER ROLE akmadmin PASSWORD 'x'",
        "DROP DATABASE defaultdb",
        "GRANT akmadmin TO \"shop-1\"",
    ] {
        let output = app("shop", attack);
        assert!(!output.status.success(), "{attack}: {}", text(&output));
    }
    assert!(!server.try_query("shop-1", "another", "shop", "SELECT 1").status.success());
}

fn what_is_not_complete_is_refused() {
    let server = Server::start();
    for missing in ["PGUSER", "ROLE_NAME", "ROLE_PASSWORD", "ROLE_DATABASE"] {
        let output = server.making().env_remove(missing).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{missing}");
        assert!(text(&output).contains("/etc/guest-book/database-admin.env"), "{}", text(&output));
    }
    let output = server.making().env("ROLE_NAME", "akmadmin").output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output).contains("a role of its own"), "{}", text(&output));
    // A wrong password shows none.
    let output = server.making().env("PGPASSWORD", "wr0ng-swordfish").output().unwrap();
    assert!(!output.status.success() && !text(&output).contains("swordfish"), "{}", text(&output));
    let databases = "SELECT count(*) FROM pg_database WHERE datname = 'shop'";
    assert_eq!(server.query("postgres", "superuser", "postgres", databases), "0");
}
