//! The health check of a machine whose database is elsewhere: it asks that server, and tells nobody its password.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use support::ports::free_port;
use support::room::{unless, without_networks};
use support::{run, text};

use surroundings::postgres::{Postgres, path_of};
use surroundings::{problem, program, run_bounded, stderr, stdout, support_file, without_network};

pub fn trials() -> Vec<Trial> {
    let mut trials = support::tests![
        a_server_elsewhere_is_asked_in_the_place_of_the_one_here,
        what_is_no_server_is_told,
        an_address_that_cannot_be_read_is_told_and_not_shown,
        a_script_gets_the_address_and_the_password_apart,
        libpq_reads_the_service_file_as_it_reads_the_address,
        whether_the_database_is_here_is_read_from_the_file_alone
    ];
    trials.extend(unless(without_networks(), support::tests![a_server_is_looked_for_where_libpq_would]));
    trials
}

const PASSWORD: &str = "s3cret-pw";

/// Status, findings and line of a check with this `DATABASE_URL`, and a local server named that is not there. The
/// password is in nothing that the check writes.
fn check(url: &str) -> (i32, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut command = Command::new(program());
    command.args(["--name", "stack", "--postgres", &file("nobody"), "--config"]).arg(support_file("health.toml"));
    command.env("DATABASE_URL", url);
    for kind in ["log", "state", "history", "page", "alert"] {
        command.args([format!("--{kind}"), file(kind)]);
    }
    let output = run_bounded(&mut command);
    let mut written = stdout(&output) + &stderr(&output);
    for entry in fs::read_dir(folder.path()).unwrap() {
        written.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(!written.contains("s3cret"), "{written}");
    let state = serde_json::from_slice(&fs::read(file("state")).unwrap()).unwrap();
    (output.status.code().unwrap(), state, fs::read_to_string(file("log")).unwrap())
}

fn url(at: &str) -> String {
    format!("postgresql://shop:{PASSWORD}@{at}/shop?sslmode=verify-full")
}

fn a_server_elsewhere_is_asked_in_the_place_of_the_one_here() {
    let port = free_port();
    let server = Postgres::on_port(port);
    let (certificate, key) = (server.data().join("server.crt"), server.data().join("server.key"));
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=db \
                  -out \"$1\" -keyout \"$2\" 2>/dev/null && chmod 600 \"$2\" && chown --reference=\"$0\" \"$1\" \"$2\"";
    run(Command::new("sh").args(["-c", script]).arg(server.data()).args([&certificate, &key]));
    let at = format!("127.0.0.1:{port}");
    let (status, found, _) = check(&url(&at));
    assert_eq!(status, 1, "never started: {found}");
    assert!(problem(&found).contains(&format!("PostgreSQL {at}: cannot connect: Connection refused")), "{found}");

    for tls in ["on", "off"] {
        server.start_with("trust", &format!("-c listen_addresses=127.0.0.1 -c ssl={tls}"));
        server.wait_until(0);
        let (status, found, line) = check(&url(&at));
        assert_eq!((status, &found["healthy"]), (0, &json!(true)), "{tls}: {found}");
        assert_eq!(found["postgres"], json!([{ "server": at, "socket": null, "healthy": true, "error": null }]));
        assert!(line.trim_end().ends_with(&format!("| PostgreSQL {at}: ok")), "{line}");
        // libpq asks one after the other, too, and reads this form as well.
        assert_eq!(check(&url(&format!("127.0.0.1:1,{at}"))).0, 0);
        assert_eq!(check(&format!("host=localhost port={port} password='{PASSWORD}' dbname=shop")).0, 0);
        server.stop();
    }
}

/// A server that reads the request and answers so; its place.
fn answering(treat: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.read_exact(&mut [0; 8]).unwrap();
            treat(stream);
        }
    });
    at
}

fn what_is_no_server_is_told() {
    let nonsense = answering(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    let closing = answering(drop);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    for (at, words) in [
        (nonsense.as_str(), "something answers that is not PostgreSQL"),
        (&closing, "it closed the connection without an answer"),
        (&silent, "no answer in 5 s"),
        ("nowhere.invalid", "cannot look up its name"),
        ("127.0.0.1:1,127.0.0.1:2", "127.0.0.1:1: cannot connect: Connection refused (os error 111), 127.0.0.1:2: "),
    ] {
        let (status, found, line) = check(&url(at));
        assert_eq!((status, &found["postgres"][0]["healthy"]), (1, &json!(false)), "{at}: {found}");
        assert!(problem(&found).contains(words), "{at}: {found}");
        assert!(line.contains(": not ready | UNHEALTHY: PostgreSQL "), "{line}");
    }
}

/// The places where libpq looks for the server of this address, as psql names them when none answers: there is no network.
fn places_of_libpq(url: &str, environment: [(&str, &str); 2]) -> String {
    let output = without_network(path_of("psql")).args(["-X", "-d", url]).envs(environment).output().unwrap();
    let said = stderr(&output);
    let places = said.split("connection to server ").skip(1).map(|place| {
        let quoted = |text: &str, mark| text.split(mark).nth(1).map(str::to_owned);
        let (place, _) = place.split_once(" failed: ").unwrap_or_else(|| panic!("{said}"));
        let name = quoted(place, '"').unwrap();
        let Some((name_and_address, port)) = place.split_once(", port ") else {
            return name.replace("/var/run", "/run");
        };
        let address =
            name_and_address.split_once('(').map_or(name, |(_, address)| address.trim_end_matches(')').to_owned());
        if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    });
    places.collect::<Vec<_>>().join(",")
}

fn a_server_is_looked_for_where_libpq_would() {
    let check = |url: &str, host: &str| {
        let environment = [("PGPORT", "5433"), ("PGHOST", host)];
        let mut command = without_network(program());
        command.args(["--name", "a", "--json", "--postgres", "/nobody"]).env("DATABASE_URL", url).envs(environment);
        let found: Value = serde_json::from_slice(&run_bounded(&mut command).stdout).unwrap();
        assert_eq!(found["postgres"][0]["server"], places_of_libpq(url, environment), "{url}: {found}");
    };
    let addresses = [
        ("postgresql://u:p%40w@10.0.0.2:6432/shop?sslmode=require", ""),
        ("postgres://u:pw@10.0.0.2/shop", ""),
        ("postgresql://10.0.0.2", ""),
        ("postgresql://u@[2001:db8::1]:7,10.0.0.2/d", ""),
        ("postgresql:///shop", ""),
        ("postgresql:///shop", "10.0.0.3"),
        ("postgresql://u@%2Frun%2Fother:1/shop", ""),
        ("postgresql://u:pw@a/d?host=10.0.0.2,10.0.0.3&port=2", ""),
        ("postgresql://u:pw@a.example.org/d?hostaddr=192.0.2.1", ""),
        ("host = 10.0.0.2  port='6' password='it\\'s host=x' dbname=d", "10.0.0.3"),
        ("dbname=shop password=a\\ host=b", ""),
    ];
    thread::scope(|scope| addresses.iter().for_each(|(url, host)| drop(scope.spawn(|| check(url, host)))));
}

fn an_address_that_cannot_be_read_is_told_and_not_shown() {
    for bad in [
        "postgresql://u:@@h:port/d",
        "postgresql://u:@@h:0/d",
        "postgresql://u:a/@@@h/d",
        "@@",
        "host='h password=@@",
        "host=h port=99999 password=@@",
    ] {
        let bad = bad.replace("@@", PASSWORD);
        let (status, found, _) = check(&bad);
        assert_eq!((status, &found["postgres"]), (1, &json!([])), "{found}");
        assert!(problem(&found).contains("DATABASE_URL is not the address of a database: "), "{found}");
    }
    // Without one, it is the server here that counts.
    let (status, found, _) = check("");
    assert_eq!(status, 1);
    assert!(problem(&found).contains("nobody: cannot connect: No such file"), "{found}");
}

fn part(part: &str, url: &str) -> Output {
    let mut command = Command::new(program());
    run_bounded(command.args(["connection", "--in", "DATABASE_URL", part]).env("DATABASE_URL", url))
}

fn a_script_gets_the_address_and_the_password_apart() {
    let address = url("db.example.org:5432");
    let output = part("service", &address);
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = "[database]\nuser=shop\ndbname=shop\nhost=db.example.org\nport=5432\nsslmode=verify-full\n";
    assert_eq!(stdout(&output), expected);
    assert_eq!(stdout(&part("password", &address)), PASSWORD);
    assert_eq!(stdout(&part("password", "postgresql://shop@db.example.org/shop")), "");
    let refused = part("service", &format!("postgresql://shop:{PASSWORD}%@db.example.org/shop"));
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(1), ""));
    assert!(stderr(&refused).contains("DATABASE_URL is not the address of a database: "), "{}", stderr(&refused));
    assert!(!stderr(&refused).contains(PASSWORD), "{}", stderr(&refused));
}

/// libpq itself finds the database by the file, whichever form the address had. It says where it is connected.
fn libpq_reads_the_service_file_as_it_reads_the_address() {
    let port = free_port();
    let server = Postgres::on_port(port);
    server.start_with("trust\nhost all all 127.0.0.1/32 trust", "-c listen_addresses=127.0.0.1");
    server.wait_until(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service");
    let socket = server.data().parent().unwrap().display().to_string().replace('/', "%2F");
    for address in [
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/template1?application_name=a%20%27b%5C"),
        format!("postgres://postgres@{socket}:{port}/template1?password={PASSWORD}&application_name=a%20'b%5C"),
        format!(
            "postgresql:///template1?host=127.0.0.1&port={port}&user=postgres&application_name=a+%27b&application_name=a%20'b%5C"
        ),
        format!("host = 127.0.0.1 port='{port}' user=postgres dbname=template1 application_name='a \\'b\\\\'"),
    ] {
        fs::write(&file, stdout(&part("service", &address))).unwrap();
        let mut psql = Command::new("psql");
        psql.args([
            "-X",
            "-A",
            "-t",
            "-c",
            "SELECT current_database(), current_user, current_setting('application_name')",
        ]);
        let by = |psql: &mut Command| run(psql.env_remove("PGHOST").env_remove("PGPORT").env("PGSSLMODE", "disable"));
        let direct = by(Command::new("psql").args(psql.get_args()).args(["-d", &address]));
        assert_eq!(direct, "template1|postgres|a 'b\\\n", "{address}");
        let through_file = by(psql.env("PGSERVICEFILE", &file).env("PGSERVICE", "database"));
        assert_eq!(through_file, direct, "{address}");
    }
}

fn whether_the_database_is_here_is_read_from_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.env");
    let ask = || {
        let mut command = Command::new(program());
        command.args(["connection", "--in", "DATABASE_URL", "place", "--file"]).arg(&file);
        run_bounded(command.env("DATABASE_URL", "postgresql://elsewhere/shop"))
    };
    assert_eq!(stdout(&ask()), "here", "no file");
    fs::write(&file, "# DATABASE_URL=a\nDATABASE_URL=b\nDATABASE_URL=\n").unwrap();
    assert_eq!(stdout(&ask()), "here");
    fs::write(&file, "DATABASE_URL=\nDATABASE_URL='postgresql://db.example.org/shop'\n").unwrap();
    assert_eq!(stdout(&ask()), "elsewhere");
    fs::write(&file, "DATABASE_URL='not an address'\n").unwrap();
    let refused = ask();
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("DATABASE_URL is not the address of a database") && !said.contains("not an"), "{said}");
}
