//! Whether a stack's instances are well: each is asked at its own address, as a visitor would.

use std::time::Duration;

use crate::linode::api::clock::interruptible;
use crate::stack::Stack;
use crate::system::http::{self, Answer};
use crate::system::interrupt::{self, Interrupted};

/// For one answer.
const LIMIT: Duration = Duration::from_secs(5);

/// The page that answers 200 when all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPage {
    port: u16,
    path: String,
    host: Option<String>,
}

impl HealthPage {
    /// What `stack.toml` says of it.
    pub fn of(stack: &Stack) -> Self {
        let (site, health) = (&stack.site, &stack.health);
        Self { port: site.port, path: health.path.clone(), host: site.host().map(str::to_owned) }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The site's address on the machine at `address`, up to the path.
    pub fn site(&self, address: &str) -> String {
        match self.port {
            80 => format!("http://{address}"),
            port => format!("http://{address}:{port}"),
        }
    }

    /// Asks for it once. What comes back as an error is a phrase: `status 503`.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn ask(&self, address: &str) -> Result<Result<(), String>, Interrupted> {
        let (url, host) = (format!("{}{}", self.site(address), self.path), self.host.clone());
        let answer = interruptible(move || http::get(&url, host.as_deref(), LIMIT));
        if interrupt::requested() {
            return Err(Interrupted);
        }
        Ok(match answer.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(Answer { status: 200, .. }) => Ok(()),
            Ok(Answer { status, .. }) => Err(format!("status {status}")),
            Err(reason) => Err(reason),
        })
    }
}
