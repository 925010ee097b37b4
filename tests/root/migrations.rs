//! What the files of a project's migrations may have in them: dumps, statements that cannot run in a transaction,
//! and folders with any name.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use libtest_mimic::Trial;

use stackdeb::deb::{Content, PayloadEntry};
use stackdeb::render::package_files;
use support::stack::stack;

use super::provision_database::{Server, write_program};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_dump_is_a_migration,
        an_index_is_made_without_a_transaction_by_one_of_two,
        what_failed_is_said_with_what_became_of_it,
        a_folder_may_have_any_name,
        a_database_behind_a_socket_of_this_machine_is_made
    ]
}

struct Migrations {
    server: Server,
    folder: PathBuf,
    script: String,
}

impl Migrations {
    fn new(folder: &str) -> Self {
        Self::on(Server::start(), folder)
    }

    fn on(server: Server, folder: &str) -> Self {
        let place = server.path(folder);
        fs::create_dir(&place).unwrap();
        fs::copy(support::program("health-check"), server.path("health-check")).unwrap();
        let making = write_program(&server, "make-database", &rendered(&server, folder, "make-database"));
        let migrating = write_program(&server, "provision-database", &rendered(&server, folder, "provision-database"));
        let both = format!("#!/bin/sh\nset -e\nPGUSER=postgres {making}\nPGUSER=guest-book exec {migrating}\n");
        let script = write_program(&server, "both", &both);
        Self { server, folder: place, script }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn run(&self) -> Output {
        self.server.command(&self.script).output().unwrap()
    }

    fn succeed(&self) {
        self.server.succeed(&mut self.server.command(&self.script));
    }

    fn query(&self, sql: &str) -> String {
        self.server.query("guest_book", sql)
    }

    fn applied(&self) -> String {
        self.query("SELECT string_agg(name, ' ' ORDER BY applied_at) FROM public.schema_migrations")
    }
}

/// A program of the package, whose migrations are in a folder of that name in the server's own folder.
fn rendered(server: &Server, migrations: &str, program: &str) -> String {
    let project = tempfile::tempdir().unwrap();
    let mut stack = stack(project.path());
    let app = project.path().join("app");
    fs::create_dir_all(app.join(migrations)).unwrap();
    fs::write(app.join("app.py"), "app = None\n").unwrap();
    stack.app.folder = app;
    stack.database.as_mut().unwrap().migrations = Some(migrations.into());
    let path = format!("/usr/libexec/guest-book/{program}");
    let text = match package_files(&stack).unwrap().payload.get(&path) {
        Some(PayloadEntry::File { content: Content::Bytes(bytes), .. }) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    let own = server.folder.path().display();
    let text = text.replace("/usr/share/guest-book/", &format!("{own}/"));
    text.replace("/usr/libexec/guest-book/", &format!("{own}/"))
        .replace("/etc/guest-book/", &format!("{own}/"))
        .replace("/run/guest-book/", &format!("{own}/"))
}

/// The first lines of what pg_dump writes: from then on, nothing is found without its schema.
const DUMP: &str = "SET statement_timeout = 0;\nSET client_encoding = 'UTF8';\n\
    SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\
    CREATE TABLE public.v (i integer);\nCOPY public.v (i) FROM stdin;\n1\n2\n\\.\n";

fn a_dump_is_a_migration() {
    let migrations = Migrations::new("migrations");
    migrations.write("0001_dump.sql", DUMP);
    migrations.write("0002_after.sql", "CREATE TABLE w AS SELECT * FROM v;\n");
    migrations.succeed();
    migrations.succeed();
    assert_eq!(migrations.query("SELECT count(*) FROM w"), "2");
    assert_eq!(migrations.applied(), "0001_dump.sql 0002_after.sql");
}

fn an_index_is_made_without_a_transaction_by_one_of_two() {
    let migrations = Migrations::new("migrations");
    migrations.write("0001_a.sql", "CREATE TABLE a (x int);\n");
    migrations.succeed();
    // If a transaction waited for this one, the index would wait for that transaction: neither would end.
    let text = "-- stackdeb: no transaction\nSELECT pg_sleep(1);\nCREATE INDEX CONCURRENTLY i ON a (x);\n";
    migrations.write("0002_index.sql", text);
    let both = [(); 2].map(|()| {
        let mut command = migrations.server.command(&migrations.script);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", support::text(&output));
    }
    assert_eq!(migrations.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
    assert_eq!(migrations.applied(), "0001_a.sql 0002_index.sql");
}

fn what_failed_is_said_with_what_became_of_it() {
    let migrations = Migrations::new("migrations");
    migrations.write("0001_a.sql", "CREATE TABLE a (x int);\nSELECT 1 / 0;\n");
    let said = support::text(&migrations.run());
    assert!(said.contains("0001_a.sql failed") && said.contains("is undone"), "{said}");
    assert_eq!(migrations.query("SELECT to_regclass('a') IS NULL"), "t");
    migrations.write("0001_a.sql", "-- stackdeb: no transaction\nCREATE TABLE a (x int);\nSELECT 1 / 0;\n");
    let said = support::text(&migrations.run());
    assert!(said.contains("0001_a.sql failed") && said.contains("stays"), "{said}");
    assert_eq!(migrations.query("SELECT to_regclass('a') IS NULL"), "f");
    assert_eq!(migrations.applied(), "");
}

fn a_folder_may_have_any_name() {
    let mut server = Server::start();
    for folder in ["it's", "x';id>&2;'", "a b", "$(id)", "`id`", "back\\slash", "quote\"d"] {
        let migrations = Migrations::on(server, folder);
        migrations.write("0001_a.sql", "CREATE TABLE a (x int);\n");
        let output = migrations.run();
        assert!(
            output.status.success() && !support::text(&output).contains("uid="),
            "{folder}: {}",
            support::text(&output)
        );
        assert_eq!(migrations.applied(), "0001_a.sql", "{folder}");
        server = migrations.server;
        server.query("postgres", "DROP DATABASE guest_book");
    }
}

/// The address in the environment file is one of this machine, and of another database than the stack's own.
fn a_database_behind_a_socket_of_this_machine_is_made() {
    let migrations = Migrations::new("migrations");
    migrations.write("0001_a.sql", "CREATE TABLE a (x int);\n");
    let server = &migrations.server;
    let folder = server.folder.path().display().to_string();
    let settings = write_program(server, "database-settings", &rendered(server, "migrations", "database-settings"));
    let address = format!("postgresql:///shop?host={folder}");
    for (address, is_here) in [
        (address.as_str(), true),
        ("", true),
        ("postgresql://db.example.org/shop", false),
        ("postgresql://other@/shop", false),
    ] {
        fs::write(server.path("guest-book.env"), format!("DATABASE_URL=\"{address}\"\n")).unwrap();
        let status = server.command(&settings).status().unwrap();
        assert_eq!(status.code(), Some(if is_here { 0 } else { 1 }), "{address}");
    }
    fs::write(server.path("guest-book.env"), format!("DATABASE_URL=\"{address}\"\n")).unwrap();
    server.succeed(&mut server.command(&settings));
    let made = fs::read_to_string(server.path("database.env")).unwrap();
    assert!(made.contains("DATABASE=\"shop\"") && made.contains(&format!("PGHOST=\"{folder}\"")), "{made}");
    // As the units do it, with what systemd reads from the files.
    let script = format!(
        "#!/bin/sh\nset -e\nset -a\n. {folder}/database.env\nPGUSER=postgres {folder}/make-database\n\
         PGUSER=guest-book DATABASE_URL='{address}' exec {folder}/provision-database\n"
    );
    server.succeed(&mut server.command(&write_program(server, "units", &script)));
    assert_eq!(server.query("shop", "SELECT tableowner FROM pg_tables WHERE tablename = 'a'"), "guest-book");
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'";
    assert_eq!(server.query("postgres", owner), "guest-book");
}
