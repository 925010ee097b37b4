//! Load on a site: connections that are kept alive, on each of them one request after the other. Every answer but 200, and
//! every connection that breaks, is a failure: nothing is tried again.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any answer may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);
/// Between the requests of a connection: twenty connections still send a hundred a second, and the server, which may be on
/// the same two processors, is not busy with answers alone.
const PAUSE: Duration = Duration::from_millis(200);
/// Of bodies and failures, how many are kept.
const KEPT: usize = 20;

pub struct Load {
    path: &'static str,
    begin: Instant,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

/// What came of the requests.
#[derive(Default)]
pub struct Tally {
    pub path: &'static str,
    /// Answers with status 200.
    pub good: u64,
    pub failed: u64,
    /// The first failures, in words.
    pub failures: Vec<String>,
    /// Different bodies, the first few of them.
    pub bodies: BTreeSet<String>,
    pub slowest: Duration,
    pub lasted: Duration,
}

impl Load {
    /// Begins to ask `address`, HOST:PORT, for `path`.
    pub fn start(address: &str, path: &'static str, connections: usize) -> Self {
        Self::start_with("GET", address, path, connections)
    }

    /// The same with another method: nginx sends a request a second time only if its method allows that.
    pub fn start_with(method: &'static str, address: &str, path: &'static str, connections: usize) -> Self {
        let (begin, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let client = |_| {
            let (address, stop) = (address.to_owned(), Arc::clone(&stop));
            thread::spawn(move || ask(method, &address, path, &stop))
        };
        let threads = (0..connections).map(client).collect();
        Self { path, begin, stop, threads }
    }

    /// Ends it, each connection after its answer.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally { path: self.path, ..Tally::default() };
        for thread in self.threads {
            let tally = thread.join().unwrap();
            sum.good += tally.good;
            sum.failed += tally.failed;
            sum.failures.extend(tally.failures);
            sum.bodies.extend(tally.bodies);
            sum.slowest = sum.slowest.max(tally.slowest);
        }
        sum.lasted = self.begin.elapsed();
        sum
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, slowest) = (self.lasted.as_secs_f64(), self.slowest.as_secs_f64());
        let Self { path, good, failed, .. } = self;
        let rate = *good as f64 / seconds;
        write!(f, "{path}: {good} answers and {failed} failures in {seconds:.0} s: {rate:.0} a second, ")?;
        write!(f, "the slowest after {slowest:.1} s")
    }
}

fn ask(method: &str, address: &str, path: &str, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        match exchange(method, &mut connection, address, path) {
            Ok((200, body)) => {
                tally.good += 1;
                if tally.bodies.len() < KEPT {
                    tally.bodies.insert(body);
                }
            }
            Ok((status, body)) => tally.fail(format!("{status}: {body}")),
            Err(error) => {
                connection = None;
                tally.fail(error.to_string());
                thread::sleep(Duration::from_millis(100));
            }
        }
        tally.slowest = tally.slowest.max(begin.elapsed());
        thread::sleep(PAUSE);
    }
    tally
}

impl Tally {
    fn fail(&mut self, what: String) {
        self.failed += 1;
        if self.failures.len() < KEPT {
            self.failures.push(what);
        }
    }
}

/// One request and its answer, over the connection that is there, or a new one. It is left open if the server leaves it.
fn exchange(
    method: &str,
    connection: &mut Option<BufReader<TcpStream>>,
    address: &str,
    path: &str,
) -> io::Result<(u16, String)> {
    let mut stream = match connection.take() {
        Some(open) => open,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LIMIT))?;
            BufReader::new(stream)
        }
    };
    stream
        .get_mut()
        .write_all(format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    let line = read_line(&mut stream)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {line}")))?;
    let (mut length, mut stays) = (0, true);
    loop {
        let line = read_line(&mut stream)?.to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(("transfer-encoding", _)) => return Err(io::Error::other("an answer without a length")),
            Some(("connection", "close")) => stays = false,
            None if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    *connection = stays.then_some(stream);
    Ok((status, String::from_utf8_lossy(&body).trim().to_owned()))
}

fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::Error::other(format!("the connection was closed after `{line}`"))),
    }
}
