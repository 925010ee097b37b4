//! What stands for a running instance: a tiny site at an address of its own, or whatever a test starts.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An instance that boots for the first time.
pub struct Started {
    pub label: String,
    pub address: Ipv4Addr,
    /// The image's file, as it was received.
    pub image: Vec<u8>,
    /// As the instance's cloud-init finds it.
    pub user_data: Vec<u8>,
    pub kernel: String,
}

/// What is started when an instance boots for the first time.
#[derive(Clone, Default)]
pub enum Machines {
    /// Nothing: its address refuses connections.
    #[default]
    None,
    /// A site at that port, which answers `/healthz`.
    Sites(u16),
    /// Whatever a test does; it is reached at 127.0.0.1.
    Hook(Arc<dyn Fn(Started) + Send + Sync>),
    /// The same, at the next of these addresses.
    At(Arc<Mutex<VecDeque<Ipv4Addr>>>, Arc<dyn Fn(Started) + Send + Sync>),
}

impl Machines {
    /// The address of a new instance: one of the loopback's that no other test's instance has.
    pub fn address(&self) -> Ipv4Addr {
        static MADE: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Hook(_) => return Ipv4Addr::LOCALHOST,
            Self::At(addresses, _) => return addresses.lock().unwrap().pop_front().unwrap(),
            Self::None | Self::Sites(_) => {}
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = (number + 1).to_be_bytes();
        Ipv4Addr::new(127, 1 + (std::process::id() % 250) as u8, high, low)
    }
}

/// A site that answers until it is dropped.
pub struct Site {
    stop: Arc<AtomicBool>,
}

impl Site {
    /// Answers `/healthz` with that status, and everything else with 404.
    pub fn start(address: Ipv4Addr, port: u16, status: u16) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => drop(answer(&stream, status)),
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn answer(stream: &TcpStream, status: u16) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(String::is_empty)?;
    let status = if first.starts_with("GET /healthz ") { status } else { 404 };
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    (&mut &*stream).write_all(head.as_bytes()).ok()
}
