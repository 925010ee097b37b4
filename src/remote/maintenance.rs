//! A site in maintenance: it answers 503, and nothing is written there. The server ends it by itself when it is not renewed
//! for a minute, so the site comes back even if this program or its connection is gone. [`Maintenance`] renews it as long as
//! it lives, and notices when it has ended.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::RemoteError;
use super::data::RemotePackage;

/// How long the server waits for the next renewal, in seconds.
const LEASE: &str = "60";
/// The pause between two renewals.
const PAUSE: Duration = Duration::from_secs(15);
/// After a renewal, the site is in maintenance for so long at least. It is less than the lease, because the answer takes time.
const SAFE: Duration = Duration::from_secs(50);

/// A site in maintenance. If this is dropped, the site is put back into service.
pub struct Maintenance {
    server: RemotePackage,
    token: String,
    renewals: Option<Renewals>,
}

struct Renewals {
    /// Dropped when there shall be no more of them.
    stop: Sender<()>,
    thread: JoinHandle<Result<Instant, RemoteError>>,
}

impl Maintenance {
    /// # Errors
    /// When the server cannot be reached, is in maintenance already, or its app cannot be stopped.
    pub fn begin(server: &RemotePackage) -> Result<Self, RemoteError> {
        let begun = Instant::now();
        let printed = server.program("maintenance", &["on", LEASE])?.finish();
        // If the answer is lost, the maintenance may have begun. It ends by itself.
        let token = String::from_utf8_lossy(&printed?).trim().to_owned();
        let (stop, stopped) = mpsc::channel();
        let (renewed, own) = (server.clone(), token.clone());
        let thread = thread::spawn(move || {
            let mut last = begun;
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let begun = Instant::now();
                renew(&renewed, &own)?;
                last = begun;
            }
            Ok(last)
        });
        Ok(Self { server: server.clone(), token, renewals: Some(Renewals { stop, thread }) })
    }

    /// Whether the renewals have failed. Costs nothing.
    pub fn is_lost(&self) -> bool {
        self.renewals.as_ref().is_none_or(|renewals| renewals.thread.is_finished())
    }

    /// Makes the maintenance last until the machine is switched off. Returns only if it has lasted since it began, so
    /// that nothing was written meanwhile.
    ///
    /// # Errors
    /// When it has ended meanwhile, or the server cannot be reached. The site is then put back into service.
    pub fn make_last(mut self) -> Result<(), RemoteError> {
        self.stop_renewals()?;
        self.server.program("maintenance", &["stay", &self.token])?.finish()?;
        self.token.clear();
        Ok(())
    }

    fn stop_renewals(&mut self) -> Result<(), RemoteError> {
        let Some(Renewals { stop, thread }) = self.renewals.take() else { return Ok(()) };
        drop(stop);
        match thread.join() {
            Ok(Ok(last)) if last.elapsed() < SAFE => Ok(()),
            Ok(Err(error)) => Err(error),
            _ => renew(&self.server, &self.token),
        }
    }
}

fn renew(server: &RemotePackage, token: &str) -> Result<(), RemoteError> {
    server.program("maintenance", &["renew", token, LEASE])?.finish().map(drop)
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        // Whatever became of the renewals: without an answer, the server ends the maintenance by itself.
        let _ = self.stop_renewals();
        if !self.token.is_empty() {
            let _ = self.server.program("maintenance", &["off"]).and_then(super::ssh::Remote::finish);
        }
    }
}
