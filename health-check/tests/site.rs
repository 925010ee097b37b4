//! The health check against web sites, good and bad.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use surroundings::{BOUND, answering, findings, health_check, problem, request, site, stdout};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_site_that_answers_200_is_healthy,
        the_request_is_one_that_a_site_understands,
        addresses_of_sites_are_taken_or_refused,
        every_other_answer_is_unhealthy_and_named,
        a_site_that_hangs_or_trickles_does_not_hold_the_check_up
    ]
}

fn a_site_that_answers_200_is_healthy() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.0 200\r\n\r\nuntil the end",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (status, found) = findings(&["--url", &answering(answer)]);
        assert_eq!((status, &found["healthy"]), (0, &Value::Bool(true)), "{found}");
        assert_eq!(found["sites"][0]["status"], 200);
        assert!(found["sites"][0]["milliseconds"].as_u64().unwrap() < 2000, "{found}");
    }
}

/// The one Host header of a request.
fn host(lines: &[String]) -> &str {
    let headers = lines.iter().filter_map(|line| line.split_once(": "));
    let hosts: Vec<&str> =
        headers.filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host).collect();
    let [host] = hosts[..] else { panic!("{lines:?}") };
    host
}

fn the_request_is_one_that_a_site_understands() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let url = site("::1", move |mut stream| {
        sender.send(request(&stream)).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    assert_eq!(health_check(&["--url", &url]).status.code(), Some(0));
    let lines = receiver.recv().unwrap();
    assert_eq!(lines[0], "GET /healthz HTTP/1.1");
    let authority = url.strip_prefix("http://").unwrap().strip_suffix("/healthz").unwrap();
    assert_eq!(host(&lines), authority);
    assert_eq!(health_check(&["--url", &url, "--host", "example.org"]).status.code(), Some(0));
    assert_eq!(host(&receiver.recv().unwrap()), "example.org");
    // A name instead of an address.
    let url = answering(b"HTTP/1.1 200 OK\r\n\r\n").replace("127.0.0.1", "localhost");
    assert_eq!(health_check(&["--url", &url]).status.code(), Some(0));
}

fn addresses_of_sites_are_taken_or_refused() {
    let good = ["http://127.0.0.1:8080/healthz", "http://[::1]:81/a?b=c", "http://[::1]", "HTTP://localhost?x"];
    let (_, found) = findings(&good.map(|url| ["--url", url]).concat());
    assert_eq!(found["sites"].as_array().unwrap().iter().map(|site| &site["url"]).collect::<Vec<_>>(), good);
    for bad in [
        "https://a/",
        "a",
        "http://",
        "http:///a",
        "http://u@a/",
        "http://a@a/",
        "http://a:0/",
        "http://a:99999/",
        "http://a:+1/",
        "http://a:/",
        "http://[::1/",
        "http://[::1]x/",
        "http://a/ b",
        "http://a/\r\nX: y",
        "http://a/#b",
        "http://ä/",
        "http://a/ä",
        "",
    ] {
        let output = health_check(&["--url", bad]);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{bad}");
    }
}

fn every_other_answer_is_unhealthy_and_named() {
    for (answer, words) in [
        (&b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"[..], "it answered 503, not 200"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "it answered 301, not 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", "in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-", "closed the connection without a whole answer"),
        (b"", "closed the connection without a whole answer"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
    ] {
        let (status, found) = findings(&["--url", &answering(answer)]);
        assert_eq!((status, &found["healthy"]), (1, &Value::Bool(false)), "{words}: {found}");
        assert!(problem(&found).contains(words), "{words}: {found}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, found) = findings(&["--url", &format!("http://{closed}/")]);
    assert_eq!(status, 1);
    assert!(problem(&found).contains("refused"), "{found}");
}

fn a_site_that_hangs_or_trickles_does_not_hold_the_check_up() {
    let hanging = site("127.0.0.1", |stream| {
        request(&stream);
        thread::sleep(BOUND);
    });
    let trickle = |mut stream: TcpStream, head: &[u8]| {
        request(&stream);
        _ = stream.write_all(head);
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    };
    let head = site("127.0.0.1", move |stream| trickle(stream, b"HTTP/1.1 200 OK\r\nX: "));
    let body = site("127.0.0.1", move |stream| trickle(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"));
    let checks = [hanging, head, body].map(|url| thread::spawn(move || findings(&["--url", &url])));
    for check in checks {
        let (status, found) = check.join().unwrap();
        assert_eq!(status, 1);
        assert!(problem(&found).contains("no whole answer in 5 s"), "{found}");
    }
}
