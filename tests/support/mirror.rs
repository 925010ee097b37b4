//! A mirror that misbehaves on demand: files in memory, served over HTTP on the loopback interface.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What goes wrong with a file.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The connection is closed after half of what was asked for, that many times.
    ClosesHalfWay(usize),
    /// The same once, and then the whole file is sent although only the rest was asked for.
    ForgetsRanges,
    /// After half of the file nothing more comes.
    Stalls,
    /// One byte is sent after the other, with a pause between them.
    Drips,
    /// The mirror answers with this status.
    Status(u16),
    /// The mirror leads the client to the same address, again and again.
    LeadsBack,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    faults: HashMap<String, Fault>,
    /// Each request: the path, and the byte it begins at.
    requests: Vec<(String, u64)>,
}

/// A running mirror. It ends with the test's process.
pub struct Mirror {
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl Mirror {
    pub fn start(files: HashMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { files, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away in the middle is what some tests are about.
                thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// From now on the mirror has these files.
    pub fn replace(&self, files: HashMap<String, Vec<u8>>) {
        self.state.lock().unwrap().files = files;
    }

    pub fn set_fault(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().faults.insert(path.to_owned(), fault);
    }

    /// The requests so far that end so: where each began in the file.
    pub fn requests(&self, path: &str) -> Vec<u64> {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|(asked, _)| asked == path).map(|(_, start)| *start).collect()
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let mut start = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().ok()?;
        }
    }
    let (body, fault) = {
        let mut state = state.lock().unwrap();
        state.requests.push((path.clone(), start));
        let fault = state.faults.get(&path).copied();
        match fault {
            Some(Fault::ClosesHalfWay(times)) if times > 1 => {
                state.faults.insert(path.clone(), Fault::ClosesHalfWay(times - 1));
            }
            Some(Fault::ClosesHalfWay(_)) => {
                state.faults.remove(&path);
            }
            _ => {}
        }
        (state.files.get(&path).cloned(), fault)
    };
    send(stream, &path, body, start, fault)
}

fn send(mut stream: TcpStream, path: &str, body: Option<Vec<u8>>, start: u64, fault: Option<Fault>) -> Option<()> {
    // The page of a folder: uv and pip read no other.
    let kind = if path.ends_with('/') { "Content-Type: text/html\r\n" } else { "" };
    if let Some(Fault::Status(status)) = fault {
        return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    }
    if let Some(Fault::LeadsBack) = fault {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: /{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(answer.as_bytes()).ok();
    }
    let Some(body) = body else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    };
    let total = body.len();
    let start = usize::try_from(start).ok()?;
    let resumes = start > 0 && !matches!(fault, Some(Fault::ForgetsRanges));
    let rest = if resumes { body.get(start..)? } else { &body };
    if resumes {
        let last = total - 1;
        write!(stream, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{total}\r\n").ok()?;
    } else {
        write!(stream, "HTTP/1.1 200 OK\r\n").ok()?;
    }
    write!(stream, "{kind}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len()).ok()?;
    if matches!(fault, Some(Fault::Drips)) {
        for byte in rest {
            stream.write_all(&[*byte]).ok()?;
            stream.flush().ok()?;
            thread::sleep(Duration::from_millis(50));
        }
        return Some(());
    }
    let broken = match fault {
        Some(Fault::ForgetsRanges) => start == 0,
        Some(Fault::ClosesHalfWay(_) | Fault::Stalls) => true,
        _ => false,
    };
    let sent = if broken { rest.len() / 2 } else { rest.len() };
    stream.write_all(&rest[..sent]).ok()?;
    stream.flush().ok()?;
    if matches!(fault, Some(Fault::Stalls)) {
        thread::sleep(Duration::from_secs(20));
    }
    Some(())
}
