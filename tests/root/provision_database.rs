//! The scripts that make a stack's database and run its migrations, against a PostgreSQL server of the test's
//! own: made in the worst locale there is, reached over a socket in a temporary folder. Needs the package
//! postgresql; as root, also runuser.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    support::tests![
        the_database_is_made_once_and_migrated_in_order,
        names_that_mean_something_in_sql_are_names,
        what_others_have_made_is_not_marked,
        what_the_app_has_made_is_not_run_by_the_administrator,
        a_database_elsewhere_is_migrated_but_not_made,
        no_part_of_an_address_is_in_the_arguments
    ]
}

pub struct Server {
    pub folder: TempDir,
    programs: PathBuf,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let versions = fs::read_dir("/usr/lib/postgresql").expect("the package postgresql is needed");
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max().expect("no PostgreSQL server");
        let server = Self { folder, programs };
        let data = server.path("data");
        server.succeed(
            server.command("initdb").args(["-U", "postgres", "--locale=C", "-E", "SQL_ASCII", "-D"]).arg(&data),
        );
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.folder.path().display());
        let mut start = server.command("pg_ctl");
        server.succeed(
            start.args(["start", "-w", "-l"]).arg(server.path("log")).arg("-D").arg(&data).args(["-o", &options]),
        );
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of PostgreSQL's, or a script, as the server's administrator. It refuses to run as root.
    pub fn command(&self, program: &str) -> Command {
        let program = if program.starts_with('/') { program.into() } else { self.programs.join(program) };
        let mut command = Command::new(if nix::unistd::geteuid().is_root() { "runuser" } else { "env" });
        if nix::unistd::geteuid().is_root() {
            command.args(["-u", "postgres", "--"]);
        }
        command.arg(program).current_dir("/").stdin(Stdio::null());
        command.env("PGHOST", self.folder.path()).env("PGUSER", "postgres").env_remove("DATABASE_URL");
        command
    }

    pub fn succeed(&self, command: &mut Command) -> String {
        // pg_ctl leaves a server behind that would keep a pipe open, so the output goes to a file.
        let said = self.path("said");
        let file = fs::File::create(&said).unwrap();
        let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        let said = fs::read_to_string(said).unwrap();
        assert!(status.success(), "{command:?} ended with {status}:\n{said}");
        said
    }

    pub fn query(&self, database: &str, sql: &str) -> String {
        let mut psql = self.command("psql");
        self.succeed(psql.args(["-X", "-A", "-t", "-d", database, "-c", sql])).trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.path("data")).stdout(Stdio::null()).status();
    }
}

/// A program in the server's folder.
pub fn write_program(server: &Server, name: &str, text: &str) -> String {
    let path = server.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A server, and a folder with the migration `0001_a.sql`.
fn with_migration(sql: &str) -> (Server, PathBuf) {
    let server = Server::start();
    let migrations = server.path("migrations");
    fs::create_dir(&migrations).unwrap();
    fs::write(migrations.join("0001_a.sql"), sql).unwrap();
    (server, migrations)
}

/// The rendered script that runs the migrations in `migrations`.
fn write_migrating(server: &Server, migrations: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = support::stack::rendered_file(folder.path(), "/usr/libexec/guest-book/provision-database");
    assert!(script.contains("'/usr/share/guest-book/migrations'"));
    let script = script.replace("/usr/share/guest-book/migrations", &migrations.display().to_string());
    // Where its own package puts the program; the user that the script runs as cannot look everywhere.
    let health_check = server.path("health-check");
    fs::copy(support::program("health-check"), &health_check).unwrap();
    assert!(script.contains("/usr/libexec/guest-book/health-check"));
    let script = script.replace("/usr/libexec/guest-book/health-check", &health_check.display().to_string());
    write_program(server, "provision-database", &script)
}

/// A script that does what the units do one after the other: the administrator makes the database, its owner migrates it.
fn write_script(server: &Server, migrations: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let making = support::stack::rendered_file(folder.path(), "/usr/libexec/guest-book/make-database");
    let making = write_program(server, "make-database", &making);
    let migrating = write_migrating(server, migrations);
    let both = format!("#!/bin/sh\nset -e\nPGUSER=postgres {making}\nPGUSER=guest-book exec {migrating}\n");
    write_program(server, "both", &both)
}

/// Whatever a stack and its database may be called, PostgreSQL has a role and a database of exactly that name.
fn names_that_mean_something_in_sql_are_names() {
    let server = Server::start();
    for (role, database) in
        [("select", "user"), ("a--b", "all"), ("c++.x", "_"), ("0--0", "order-by"), ("or.1", "a--drop")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut stack = support::stack::stack(folder.path());
        stack.package.name = role.parse().unwrap();
        stack.database = Some(stackdeb::stack::Database { name: database.to_owned(), migrations: None });
        let script = support::stack::rendered_file_of(&stack, &format!("/usr/libexec/{role}/make-database"));
        let script = write_program(&server, "make-database", &script);
        server.succeed(&mut server.command(&script));
        server.succeed(&mut server.command(&script));
        let owner = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database \
            WHERE datname NOT IN ('postgres', 'template0', 'template1')";
        assert_eq!(server.query("postgres", owner), format!("{database}|{role}"));
        server.query("postgres", &format!("DROP DATABASE \"{database}\""));
        server.query("postgres", &format!("DROP ROLE \"{role}\""));
        assert_eq!(server.query("postgres", "SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_'"), "1");
    }
}

fn the_database_is_made_once_and_migrated_in_order() {
    let (server, migrations) = with_migration("CREATE TABLE a (x int);\nINSERT INTO a VALUES (1);\n");
    let script = write_script(&server, &migrations);
    let run = || -> Output { server.command(&script).output().unwrap() };

    server.succeed(&mut server.command(&script));
    server.succeed(&mut server.command(&script));
    assert_eq!(server.query("guest_book", "SELECT count(*) FROM a"), "1");
    let facts =
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'guest_book'";
    assert_eq!(server.query("postgres", facts), "guest-book|UTF8");
    assert_eq!(server.query("guest_book", "SELECT tableowner FROM pg_tables WHERE tablename = 'a'"), "guest-book");
    assert_eq!(server.query("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'guest-book'"), "f");

    // Purge recognises them by that.
    let marks = "SELECT shobj_description(d.oid, 'pg_database'), shobj_description(r.oid, 'pg_authid') \
                 FROM pg_database d, pg_roles r WHERE datname = 'guest_book' AND rolname = 'guest-book'";
    assert_eq!(server.query("postgres", marks), "Made by the package guest-book.|Made by the package guest-book.");

    // A migration that fails leaves nothing of itself, and none after it is run.
    fs::write(migrations.join("0002_b.sql"), "CREATE TABLE b (x int);\nSELECT 1 / 0;\n").unwrap();
    fs::write(migrations.join("0003_c.sql"), "CREATE TABLE c AS SELECT * FROM b;\n").unwrap();
    let failed = run();
    assert!(
        !failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("division by zero"),
        "{failed:?}"
    );
    assert_eq!(server.query("guest_book", "SELECT to_regclass('b') IS NULL AND to_regclass('c') IS NULL"), "t");

    // Two at a time, as machines with one database start: each migration is run by one of them.
    fs::write(migrations.join("0002_b.sql"), "SELECT pg_sleep(0.5);\nCREATE TABLE b (x int);\n").unwrap();
    let both = [(); 2].map(|()| server.command(&script).stdout(Stdio::null()).spawn().unwrap());
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    let names = server.query("guest_book", "SELECT string_agg(name, ' ' ORDER BY applied_at) FROM schema_migrations");
    assert_eq!(names, "0001_a.sql 0002_b.sql 0003_c.sql");
}

fn what_others_have_made_is_not_marked() {
    let server = Server::start();
    let migrations = server.path("migrations");
    fs::create_dir(&migrations).unwrap();
    let script = write_script(&server, &migrations);
    server.query("postgres", "CREATE ROLE \"guest-book\" LOGIN");
    server.query("postgres", "CREATE DATABASE guest_book");
    server.succeed(&mut server.command(&script));
    let marks = "SELECT count(*) FROM pg_shdescription WHERE description LIKE 'Made by the package%'";
    assert_eq!(server.query("postgres", marks), "0");
}

fn a_database_elsewhere_is_migrated_but_not_made() {
    let (server, migrations) = with_migration("CREATE TABLE a (x int);\n");
    let script = write_migrating(&server, &migrations);
    server.query("postgres", "CREATE ROLE remote LOGIN");
    server.query("postgres", "CREATE DATABASE far OWNER remote");
    server.query("postgres", "ALTER ROLE remote PASSWORD 'p@s%s /w'");
    let rules = server.path("data/pg_hba.conf");
    let others = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("local far remote scram-sha-256\n{others}")).unwrap();
    server.query("postgres", "SELECT pg_reload_conf()");
    let address = format!("postgresql://remote:p%40s%25s%20%2fw@/far?host={}", server.folder.path().display());
    server.succeed(server.command(&script).env("DATABASE_URL", address).env_remove("PGUSER"));
    assert_eq!(server.query("far", "SELECT tableowner FROM pg_tables WHERE tablename = 'a'"), "remote");
    assert_eq!(server.query("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'guest_book'"), "0");
}

/// As an attacker who has taken over the app: the table of the migrations becomes a view, whose function becomes PostgreSQL's
/// administrator if that is who looks at it. And functions instead of PostgreSQL's own, wherever the app may make some.
fn what_the_app_has_made_is_not_run_by_the_administrator() {
    let (server, migrations) = with_migration("CREATE TABLE a (x int);\n");
    let script = write_script(&server, &migrations);
    server.succeed(&mut server.command(&script));
    // As it was in every database until PostgreSQL 15.
    server.query("postgres", "GRANT CREATE ON SCHEMA public TO PUBLIC");
    let seized = server.path("seized");
    let seize = format!(
        "LANGUAGE plpgsql AS $f$ BEGIN SET ROLE postgres; ALTER ROLE \"guest-book\" SUPERUSER; \
         COPY (SELECT 1) TO PROGRAM 'id >>{}'; RETURN 'x'; EXCEPTION WHEN OTHERS THEN RETURN 'x'; END $f$;",
        seized.display()
    );
    let attack = |database: &str, sql: &str| {
        let mut psql = server.command("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]).env("PGUSER", "guest-book");
        server.succeed(&mut psql);
    };
    attack(
        "guest_book",
        &format!(
            "CREATE FUNCTION public.seize() RETURNS text {seize} \
             ALTER TABLE schema_migrations RENAME TO applied; \
             CREATE VIEW schema_migrations AS SELECT * FROM applied WHERE public.seize() IS NOT NULL;"
        ),
    );
    for arguments in ["text, text, text", "text, name, text"] {
        let function = format!("CREATE FUNCTION public.format({arguments}) RETURNS text {seize}");
        attack("postgres", &function);
    }
    let last = "CREATE FUNCTION public.equal(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.format(''a'', ''b''::text, ''c'') IS NULL'; \
                CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.equal);";
    attack("postgres", last);
    for _ in 0..2 {
        // The role is made again as well, so that every statement is run.
        server.succeed(&mut server.command(&script));
        assert!(!seized.exists(), "{}", fs::read_to_string(&seized).unwrap_or_default());
        assert_eq!(server.query("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'guest-book'"), "f");
        server.query("postgres", "DROP DATABASE IF EXISTS spare");
        server.query("postgres", "ALTER DATABASE guest_book RENAME TO spare");
    }
}

/// Every user of the machine sees the arguments of all processes, and a mistake in an address turns a password into a host.
fn no_part_of_an_address_is_in_the_arguments() {
    let (server, migrations) = with_migration("CREATE TABLE a (x int);\n");
    let script = write_migrating(&server, &migrations);
    let (programs, seen) = (server.path("programs"), server.path("arguments"));
    fs::create_dir(&programs).unwrap();
    // The scripts write to it, no matter who owns it.
    fs::write(&seen, "").unwrap();
    fs::set_permissions(&seen, fs::Permissions::from_mode(0o666)).unwrap();
    for (name, program) in
        [("psql", "/usr/bin/psql".to_owned()), ("health-check", server.path("real").display().to_string())]
    {
        let text = format!("#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >>'{}'\nexec {program} \"$@\"\n", seen.display());
        fs::write(programs.join(name), text).unwrap();
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::rename(server.path("health-check"), server.path("real")).unwrap();
    fs::rename(programs.join("health-check"), server.path("health-check")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let folder = server.folder.path().display();
    for (address, is_right) in [
        (format!("postgresql://postgres:s3cret@/postgres?host={folder}"), true),
        (format!("postgresql://postgres@/postgres?host={folder}&password=s3cret"), true),
        (format!("postgresql://postgres@/postgres?host={folder}&p%61ssword=s3cret"), true),
        (format!("postgresql://postgres@/postgres?host={folder}&sslpassword=s3cret"), true),
        (format!("host={folder} user=postgres dbname=postgres password=s3cret"), true),
        (format!("host={folder} user=postgres dbname=postgres password = 's3cret '"), true),
        (format!("host={folder} user=postgres dbname=postgres sslpassword=s3cret"), true),
        ("postgresql://postgres:a@s3cret@127.0.0.1/postgres".to_owned(), false),
        ("postgresql://postgres:a/s3cret@127.0.0.1/postgres".to_owned(), false),
        ("postgresql://postgres:s3cret/a@127.0.0.1/postgres".to_owned(), false),
        ("postgres:s3cret@127.0.0.1/postgres".to_owned(), false),
    ] {
        let mut command = server.command(&script);
        let output = command.env("DATABASE_URL", &address).env("PATH", &path).env_remove("PGUSER").output().unwrap();
        assert_eq!(output.status.success(), is_right, "{address}: {}", support::text(&output));
        assert!(!support::text(&output).contains("s3cret"), "{address}: {}", support::text(&output));
        let words = fs::read_to_string(&seen).unwrap();
        assert!(words.contains("health-check") && !words.contains("s3cret"), "{address}: {words}");
        assert_eq!(words.contains("/psql"), is_right, "{address}: {words}");
        fs::write(&seen, "").unwrap();
    }
}
