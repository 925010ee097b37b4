//! What the app is told about a visitor: by a real nginx with the site's configuration, once behind a balancer that ends TLS,
//! and once by somebody who only says so.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use support::edition::edit;
use support::machine::free_port;
use support::stack::{rendered_file_of, stack};
use support::{default_stack, run, text};

/// A web server that is stopped at the end.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        _ = Command::new("kill").arg(self.0.id().to_string()).status();
        _ = self.0.wait();
    }
}

/// An app that answers with the head of the request.
fn echo(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    fs::set_permissions(socket, fs::Permissions::from_mode(0o777)).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                head.extend(byte);
            }
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", head.len());
            let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&head));
        }
    });
}

#[test]
fn the_app_sees_the_visitor_and_the_scheme_from_the_balancer_alone() {
    // Named by the administrator, and by stack.toml.
    assert_believes_the_balancer_alone(&[]);
    assert_believes_the_balancer_alone(&["127.0.0.8/29"]);
}

/// By Linode's documentation, a firewall has to let NodeBalancers in from this network.
#[test]
fn nodebalancer_stands_for_the_network_that_linode_documents() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    edit(&folder.path().join("stack.toml"), "[image]", "[site]\nbehind = \"nodebalancer\"\n\n[image]");
    let stack = stackdeb::stack::load(folder.path()).unwrap();
    let site = rendered_file_of(&stack, "/etc/nginx/sites-available/stack");
    let believed: Vec<&str> =
        site.lines().map(str::trim).filter(|line| line.starts_with("set_real_ip_from ")).collect();
    assert_eq!(believed, ["set_real_ip_from 192.168.255.0/24;"]);
}

fn assert_believes_the_balancer_alone(behind: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (at, port) = (folder.path().display(), free_port());
    // nginx's workers are of another user when root starts it.
    run(Command::new("chmod").arg("755").arg(folder.path()));
    echo(&folder.path().join("app.sock"));
    fs::create_dir(folder.path().join("balancers.d")).unwrap();
    if behind.is_empty() {
        fs::write(folder.path().join("balancers.d/terraform.conf"), "set_real_ip_from 127.0.0.8/29;\n").unwrap();
    }
    let mut stack = stack(folder.path());
    stack.site.behind = behind.iter().map(|network| (*network).to_owned()).collect();
    let site = rendered_file_of(&stack, "/etc/nginx/sites-available/guest-book");
    let site = site.replace("listen 80 ", &format!("listen {port} ")).replace("[::]:80 ", &format!("[::]:{port} "));
    let site = site.replace("listen 80;", &format!("listen {port};")).replace("[::]:80;", &format!("[::]:{port};"));
    let site = site.replace("unix:/run/guest-book/guest-book.sock", &format!("unix:{at}/app.sock"));
    fs::write(folder.path().join("site"), site.replace("/etc/guest-book/", &format!("{at}/"))).unwrap();
    let folders =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    let main = format!(
        "daemon off; pid {at}/pid; error_log {at}/error; events {{}} http {{ access_log off; {} include {at}/site; }}",
        folders.concat()
    );
    fs::write(folder.path().join("nginx.conf"), main).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-e").arg(folder.path().join("error")).arg("-c").arg(folder.path().join("nginx.conf"));
    let _nginx = Nginx(nginx.spawn().expect("this test needs the package nginx-light"));

    let ask = |from: &str, headers: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-gs", "--interface", from, "-H", "Host: www.example.org"]);
        for header in headers {
            curl.args(["-H", header]);
        }
        text(&curl.arg(format!("http://127.0.0.1:{port}/")).output().unwrap())
    };
    let begin = Instant::now();
    while ask("127.0.0.1", &[]).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(30), "nginx does not start");
        thread::sleep(Duration::from_millis(50));
    }
    let seen = |from: &str, headers: &[&str]| {
        let head = ask(from, headers);
        let value = |name: &str| {
            let of = |line: &&str| line.split_once(": ").is_some_and(|(own, _)| own.eq_ignore_ascii_case(name));
            let found: Vec<&str> = head.lines().filter(of).collect();
            assert_eq!(found.len(), 1, "{name}: {head}");
            found[0].split_once(": ").unwrap().1.to_owned()
        };
        [value("X-Forwarded-For"), value("X-Real-IP"), value("X-Forwarded-Proto")]
    };
    let claims = ["X-Forwarded-For: 198.51.100.1, 203.0.113.7", "X-Forwarded-Proto: https"];
    // The balancer has appended the address of its visitor to what that one said.
    assert_eq!(seen("127.0.0.9", &claims), ["203.0.113.7", "203.0.113.7", "https"]);
    assert_eq!(seen("127.0.0.9", &["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: http"])[2], "http");
    // Its own health check.
    assert_eq!(seen("127.0.0.9", &[]), ["127.0.0.9", "127.0.0.9", "http"]);
    // What is not a scheme is not passed on.
    for odd in ["X-Forwarded-Proto: https, http", "X-Forwarded-Proto: ftp", "X-Forwarded-Proto: https\" evil"] {
        assert_eq!(seen("127.0.0.9", &[claims[0], odd])[2], "http", "{odd}");
    }
    // Everybody else is believed in nothing.
    for other in ["127.0.0.1", "127.0.0.7", "127.0.0.16"] {
        assert_eq!(seen(other, &claims), [other, other, "http"]);
        assert_eq!(seen(other, &["X-Real-IP: 203.0.113.7"]), [other, other, "http"]);
    }
}
