//! The site's page of the health check, from a real nginx: its own machine sees it, and nobody else.

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use support::machine::free_port;
use support::stack::rendered_file;
use support::{run, text};

/// A web server that is stopped at the end.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        _ = Command::new("kill").arg(self.0.id().to_string()).status();
        _ = self.0.wait();
    }
}

#[test]
fn the_site_shows_it_to_its_own_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (at, port) = (folder.path().display(), free_port());
    // nginx's workers are of another user when root starts it.
    run(Command::new("chmod").arg("755").arg(folder.path()));
    fs::write(folder.path().join("report.html"), "the report").unwrap();
    let site = rendered_file(folder.path(), "/etc/nginx/sites-available/guest-book");
    let site = site.replace("listen 80 ", &format!("listen {port} ")).replace("[::]:80 ", &format!("[::]:{port} "));
    let site = site.replace("/var/lib/guest-book/health/", &format!("{at}/"));
    fs::write(folder.path().join("site"), site).unwrap();
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

    let get = |from: &str, host: &str, path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-gsi", "--interface", from, "-H", "Host: www.example.org"]);
        text(&curl.arg(format!("http://{host}:{port}{path}")).output().unwrap())
    };
    let begin = Instant::now();
    while get("127.0.0.1", "127.0.0.1", "/health-report").is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(30), "nginx does not start");
        thread::sleep(Duration::from_millis(50));
    }
    for (from, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
        let answer = get(from, host, "/health-report");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nthe report"), "{answer}");
        assert!(
            answer.contains("Content-Type: text/html\r\n") && answer.contains("Cache-Control: no-store"),
            "{answer}"
        );
    }
    // From another address, whatever it calls itself.
    for path in ["/health-report", "//health-report", "/%68ealth-report", "/x/../health-report", "/health-report?a=b"] {
        let answer = get("127.0.0.2", "127.0.0.1", path);
        assert!(answer.starts_with("HTTP/1.1 403 ") && !answer.contains("the report"), "{path}: {answer}");
    }
    let mut curl = Command::new("curl");
    curl.args(["-si", "--interface", "127.0.0.2", "-H", "X-Forwarded-For: 127.0.0.1", "-H", "X-Real-IP: 127.0.0.1"]);
    let answer = text(&curl.arg(format!("http://127.0.0.1:{port}/health-report")).output().unwrap());
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}
