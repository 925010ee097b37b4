//! Load that does not wait for the server: each request has a time when it is due, and how long its answer takes is counted
//! from then. A program that sends the next request only after an answer (a closed loop, such as wrk) leaves out the time
//! that requests would have waited: "coordinated omission".

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::side_by_side::median;

/// As many requests can be on their way at once; a further one waits, and that counts.
const CONNECTIONS: usize = 48;
const SECONDS: u64 = 5;
const ROUNDS: usize = 5;
/// Hundredths of the requests that the other side sustains.
const SHARES: [u64; 3] = [50, 80, 95];

/// Milliseconds that so many of the answers took at most.
#[derive(Clone, Copy)]
struct Latencies {
    half: f64,
    of_100: f64,
    of_1000: f64,
}

pub fn head(other: &str) {
    println!("{:<20} {:>10} {:>26} {:>26} {:>12}", "open loop", "requests/s", "ours", other, "ours / other");
    let side = format!("{:>8} {:>8} {:>8}", "p50 ms", "p99 ms", "p99.9 ms");
    println!("{:<20} {:>10} {side:>26} {side:>26} {:>12}", "", "", "p99");
}

/// Asks `ours` and `theirs` in turn for `path`, at shares of the requests a second that `theirs` sustains, and prints a row of
/// medians for each share. The addresses are `HOST:PORT`.
pub fn compare(path: &str, sustained: f64, ours: &str, theirs: &str) {
    for share in SHARES {
        let rate = sustained * share as f64 / 100.0;
        let (mut us, mut them) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            us.push(serve(path, rate, ours));
            them.push(serve(path, rate, theirs));
        }
        let of = |rounds: &[Latencies], value: fn(&Latencies) -> f64| median(rounds.iter().map(value).collect());
        let side = |rounds: &[Latencies]| {
            let [half, of_100, of_1000] = [of(rounds, |l| l.half), of(rounds, |l| l.of_100), of(rounds, |l| l.of_1000)];
            format!("{half:>8.1} {of_100:>8.1} {of_1000:>8.1}")
        };
        let ratio = median(us.iter().zip(&them).map(|(a, b)| a.of_100 / b.of_100).collect());
        println!(
            "{:<20} {rate:>10.0} {:>26} {:>26} {ratio:>12.2}",
            format!("{path} at {share} %"),
            side(&us),
            side(&them)
        );
    }
}

/// One round: `rate` requests a second, evenly.
fn serve(path: &str, rate: f64, address: &str) -> Latencies {
    let (next, begin) = (AtomicU64::new(0), Instant::now() + Duration::from_millis(100));
    let all = (rate * SECONDS as f64) as u64;
    let mut taken: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(|| client(path, rate, address, begin, &next, all))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    taken.sort();
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    Latencies { half: at(0.5), of_100: at(0.99), of_1000: at(0.999) }
}

/// Sends requests over one connection, each when it is due or as soon as the connection is free.
fn client(path: &str, rate: f64, address: &str, begin: Instant, next: &AtomicU64, all: u64) -> Vec<Duration> {
    let mut connection = connect(address);
    let mut taken = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= all {
            return taken;
        }
        let due = begin + Duration::from_secs_f64(number as f64 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if ask(&mut connection, path, address) == Next::Connect {
            connection = connect(address);
        }
        taken.push(due.elapsed());
    }
}

fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    BufReader::new(stream)
}

/// What the server wants to be done with the connection.
#[derive(PartialEq)]
enum Next {
    Keep,
    Connect,
}

/// One request and its answer, which must be good and have a `Content-Length`.
fn ask(connection: &mut BufReader<TcpStream>, path: &str, address: &str) -> Next {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert!(connection.read_line(&mut line).unwrap() > 0, "the connection ended: {head}");
        head += &line.to_ascii_lowercase();
    }
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or_else(|| panic!("{head}"));
    connection.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    if head.contains("connection: close") { Next::Connect } else { Next::Keep }
}
