//! A visitor who asks for /visits again and again, and remembers what was acknowledged: each answer is the number of rows
//! in the table, this visit's among them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::server::Server;

/// Between two visits: the server has other work to do as well, which is to go on meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// What came of the visits.
#[derive(Debug, Default, Clone, Copy)]
pub struct Visits {
    pub acknowledged: u64,
    /// The number in the last acknowledgement.
    pub last: u64,
    /// How many were not; whether they are in the table nobody knows.
    pub unknown: u64,
}

/// Somebody who visits until told to stop, or until the test that began it has failed.
pub struct Visitor {
    going: Arc<AtomicBool>,
    thread: Option<JoinHandle<Visits>>,
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.going.store(false, Ordering::Relaxed);
    }
}

impl Visitor {
    pub fn start(server: &impl Server) -> Self {
        let address = server.address();
        let going = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&going);
        let thread = thread::spawn(move || {
            let mut visits = Visits::default();
            while wanted.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                match visit(&address) {
                    Ok(number) => {
                        let last = visits.last;
                        assert!(number > last, "visit {number} was acknowledged after visit {last}");
                        visits.last = number;
                        visits.acknowledged += 1;
                    }
                    Err(_) => {
                        visits.unknown += 1;
                        thread::sleep(Duration::from_millis(100));
                    }
                }
            }
            visits
        });
        Self { going, thread: Some(thread) }
    }

    /// Stops, and compares with the table, which must hold every acknowledged visit and none that was never made.
    #[track_caller]
    pub fn stop(self, server: &impl Server) -> Visits {
        let visits = self.leave();
        visits.compare(server);
        visits
    }

    /// Stops without a look at the table, since there is no machine to look at.
    pub fn leave(mut self) -> Visits {
        self.going.store(false, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Visits {
    #[track_caller]
    pub fn compare(self, server: &impl Server) {
        assert!(self.acknowledged > 0, "{self:?}");
        let rows = server.sh("runuser -u postgres -- psql -At stack -c 'select count(*) from visits'");
        let rows: u64 = rows.parse().unwrap();
        assert!((self.last..=self.last + self.unknown).contains(&rows), "{rows} rows, {self:?}");
    }
}

/// The number in a whole answer with status 200.
fn visit(address: &str) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"GET /visits HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let whole = head.lines().any(|line| line.eq_ignore_ascii_case(&format!("content-length: {}", body.len())));
    if !head.contains(" 200 ") || !whole {
        return Err(io::ErrorKind::InvalidData.into());
    }
    body.parse().map_err(io::Error::other)
}
