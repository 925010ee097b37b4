//! The package's site in a real nginx: who sees the page of the health check, and what gets through to the app.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use stackdeb::stack::Site;
use support::machine::free_port;
use support::stack::{rendered_file_of, stack};
use support::{run, text};
use tempfile::TempDir;

/// The site under nginx; it is stopped at the end.
struct Served {
    folder: TempDir,
    nginx: Child,
    port: u16,
}

impl Served {
    /// Serves the site of the sample stack with these names. The app answers with the head of each request that it gets.
    fn with_names(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (at, port) = (folder.path().display(), free_port());
        // nginx's workers are of another user when root starts it.
        run(Command::new("chmod").arg("755").arg(folder.path()));
        fs::create_dir(folder.path().join("health")).unwrap();
        fs::write(folder.path().join("health/report.html"), "the report").unwrap();
        let mut stack = stack(folder.path());
        stack.site = Site { server_names: names.iter().map(|name| (*name).to_owned()).collect(), ..stack.site };
        let site = rendered_file_of(&stack, "/etc/nginx/sites-available/guest-book");
        let site = site.replace("listen 80", &format!("listen {port}")).replace("[::]:80", &format!("[::]:{port}"));
        let site =
            site.replace("/var/lib/guest-book/", &format!("{at}/")).replace("/etc/guest-book/", &format!("{at}/"));
        let site = site.replace("/run/guest-book/guest-book.sock", &format!("{at}/app.sock"));
        fs::write(folder.path().join("site"), site).unwrap();
        answer_with_heads(&folder.path().join("app.sock"));
        let folders =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
        let main = format!(
            "daemon off; pid {at}/pid; error_log {at}/error; events {{}} \
             http {{ access_log off; {} include {at}/site; }}",
            folders.concat()
        );
        fs::write(folder.path().join("nginx.conf"), main).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-e").arg(folder.path().join("error")).arg("-c").arg(folder.path().join("nginx.conf"));
        let nginx = nginx.spawn().expect("this test needs the package nginx-light");
        let served = Self { folder, nginx, port };
        let begin = Instant::now();
        while served.get("127.0.0.1", "127.0.0.1", "/health-report", &[]).is_empty() {
            let error = || fs::read_to_string(served.folder.path().join("error"));
            assert!(begin.elapsed() < Duration::from_secs(30), "nginx does not start: {:?}", error());
            thread::sleep(Duration::from_millis(50));
        }
        served
    }

    /// The whole answer to a request from the address `from`, with further arguments of curl.
    fn get(&self, from: &str, host: &str, path: &str, further: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-gsi", "--path-as-is", "--interface", from]).args(further);
        text(&curl.arg(format!("http://{host}:{}{path}", self.port)).output().unwrap())
    }

    /// The same for a request for that name.
    fn get_by_name(&self, name: &str, path: &str, further: &[&str]) -> String {
        let header = format!("Host: {name}");
        self.get("127.0.0.2", "127.0.0.1", path, &[&["-H", &header], further].concat())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        _ = self.nginx.wait();
    }
}

/// Answers each request with its own head, in a thread that ends with this program.
fn answer_with_heads(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    run(Command::new("chmod").arg("666").arg(socket));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().unwrap();
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let body = head.join("\n");
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            _ = writer.write_all(answer.as_bytes());
        }
    });
}

const NAMES: [&str; 2] = ["www.example.org", "*.example.net"];

#[test]
fn the_site_shows_the_report_to_its_own_machine_alone() {
    for names in [&NAMES[..], &["_"]] {
        let site = Served::with_names(names);
        for name in ["www.example.org", "localhost:8000", "127.0.0.1"] {
            for (from, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
                let answer = site.get(from, host, "/health-report", &["-H", &format!("Host: {name}")]);
                assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nthe report"), "{answer}");
                assert!(
                    answer.contains("Content-Type: text/html\r\n") && answer.contains("Cache-Control: no-store"),
                    "{answer}"
                );
            }
        }
        // From another address, whatever it calls itself.
        let claims = ["-H", "X-Forwarded-For: 127.0.0.1", "-H", "X-Real-IP: 127.0.0.1"];
        for path in
            ["/health-report", "//health-report", "/%68ealth-report", "/x/../health-report", "/health-report?a=b"]
        {
            for name in ["www.example.org", "localhost"] {
                let answer = site.get_by_name(name, path, &claims);
                assert!(answer.starts_with("HTTP/1.1 403 ") && !answer.contains("the report"), "{path}: {answer}");
            }
        }
    }
}

/// The user of the app owns the folder, and may put there what it wants.
#[test]
fn a_link_in_the_place_of_the_report_leads_nowhere() {
    let site = Served::with_names(&["_"]);
    let (report, other) = (site.folder.path().join("health/report.html"), site.folder.path().join("other"));
    fs::write(&other, "of somebody else").unwrap();
    fs::remove_file(&report).unwrap();
    std::os::unix::fs::symlink(&other, &report).unwrap();
    let answer = site.get("127.0.0.1", "127.0.0.1", "/health-report", &[]);
    assert!(answer.starts_with("HTTP/1.1 403 ") && !answer.contains("of somebody else"), "{answer}");
}

#[test]
fn what_a_visitor_says_in_the_place_of_nginx_does_not_reach_the_app() {
    let claims = [
        "Forwarded: for=10.0.0.1;host=evil;proto=https",
        "X-Forwarded-Port: 444",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Proto: evil",
        "X-Forwarded-Protocol: ssl",
        "X-Forwarded-Scheme: evil",
        "X-Forwarded-Server: evil",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Host: evil",
        "X-Original-URL: /evil",
        "X-Rewrite-URL: /evil",
        "X-Script-Name: /evil",
        "Script_Name: /evil",
        "X-Real-IP: 10.0.0.1",
        "Proxy: http://evil",
        "Cookie: kept=yes",
    ];
    let headers: Vec<&str> = claims.iter().flat_map(|claim| ["-H", *claim]).collect();
    for names in [&NAMES[..], &["_"]] {
        let site = Served::with_names(names);
        for path in ["/", "/a?b=c", "/healthz"] {
            let answer = site.get_by_name("www.example.org", path, &headers);
            let (_, head) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("GET {path} HTTP/1.1\n")), "{answer}");
            let mut seen: Vec<&str> = head.lines().skip(1).collect();
            seen.retain(|line| !line.starts_with("User-Agent: ") && !line.starts_with("Accept: "));
            seen.sort_unstable();
            let expected = [
                "Cookie: kept=yes",
                "Host: www.example.org",
                "X-Forwarded-For: 127.0.0.2",
                "X-Forwarded-Host: www.example.org",
                "X-Forwarded-Proto: http",
                "X-Real-IP: 127.0.0.2",
            ];
            assert_eq!(seen, expected, "{path}");
        }
    }
}

#[test]
fn other_names_do_not_reach_the_app() {
    let site = Served::with_names(&NAMES);
    for name in ["www.example.org", "WWW.example.org:8080", "a.example.net"] {
        assert!(site.get_by_name(name, "/", &[]).contains("\nHost: "), "{name}");
    }
    for name in ["evil.example", "127.0.0.1", "example.org", "www.example.org.evil.example", "example.net", "_"] {
        for path in ["/", "/healthz/more", "/a"] {
            let answer = site.get_by_name(name, path, &[]);
            assert!(answer.starts_with("HTTP/1.1 421 ") && !answer.contains("GET "), "{name}{path}: {answer}");
        }
        // A balancer sees whether the app is well, and no more.
        let answer = site.get_by_name(name, "/healthz?a=b", &["-H", "X-Forwarded-Host: evil.example", "-d", "body"]);
        assert!(answer.ends_with("\r\n\r\nGET /healthz HTTP/1.1\nHost: www.example.org"), "{answer}");
    }
    // Without a name.
    let answer = site.get("127.0.0.2", "127.0.0.1", "/", &["--http1.0", "-H", "Host:"]);
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");

    let every = Served::with_names(&["_"]);
    assert!(every.get_by_name("evil.example", "/", &[]).contains("\nHost: evil.example"));
}
