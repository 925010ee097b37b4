//! Greets each visitor with a number. On a server it serves on the socket that systemd hands over, or where `PORT` or
//! `SOCKET_PATH` says; without any of them, on port 8080.

use std::env;
use std::io;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixListener as Handed;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

static VISITORS: AtomicU64 = AtomicU64::new(0);

async fn index() -> String {
    let greeting = env::var("GREETING").unwrap_or_else(|_| "Hello".to_owned());
    format!("{greeting}, visitor {}\n", VISITORS.fetch_add(1, Ordering::Relaxed) + 1)
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "At last.\n"
}

/// Ends when systemd asks for it. No new connection is accepted from then on: those wait in the socket for the next process.
async fn asked_to_end() {
    if let Ok(mut asked) = signal(SignalKind::terminate()) {
        asked.recv().await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let app = Router::new().route("/", get(index)).route("/slow", get(slow)).route("/healthz", get(|| async { "ok\n" }));
    if env::var_os("LISTEN_FDS").is_some() {
        // SAFETY: 3 is the first file descriptor that systemd hands over (sd_listen_fds(3)), and nothing else here uses it.
        let handed = unsafe { Handed::from_raw_fd(3) };
        handed.set_nonblocking(true)?;
        return axum::serve(UnixListener::from_std(handed)?, app).with_graceful_shutdown(asked_to_end()).await;
    }
    if let Some(path) = env::var_os("SOCKET_PATH") {
        return axum::serve(UnixListener::bind(path)?, app).with_graceful_shutdown(asked_to_end()).await;
    }
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    axum::serve(TcpListener::bind(format!("127.0.0.1:{port}")).await?, app).with_graceful_shutdown(asked_to_end()).await
}
