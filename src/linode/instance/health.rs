//! The health page of a stack's instances. Each instance is asked at its own public address, as a visitor would.

use std::time::Duration;

use serde::Serialize;

use crate::linode::api::clock::interruptible;
use crate::linode::api::instances::{Instance, InstanceStatus};
use crate::stack::Stack;
use crate::system::http::{self, Page};
use crate::system::interrupt::{self, Interrupted};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether an instance's site answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "snake_case")]
pub enum HealthVerdict {
    /// The health page answers 200.
    Well,
    /// It answers something else, or nothing. The reason is a phrase: `status 503`.
    Ill(String),
    /// The instance is not switched on, or has no public address.
    NotAsked,
}

/// The page that answers 200 when the stack works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPage {
    port: u16,
    path: String,
    host: Option<String>,
}

impl HealthPage {
    /// The page that `stack.toml` names.
    pub fn of(stack: &Stack) -> Self {
        let (site, health) = (&stack.site, &stack.health);
        Self { port: site.port, path: health.path.clone(), host: site.host().map(str::to_owned) }
    }

    /// The URL of the site on the machine at `address`, without a path.
    pub fn site(&self, address: &str) -> String {
        match self.port {
            80 => format!("http://{address}"),
            port => format!("http://{address}:{port}"),
        }
    }

    /// The URL of the page on the machine at `address`.
    pub fn url(&self, address: &str) -> String {
        format!("{}{}", self.site(address), self.path)
    }

    /// Asks for the page once, for at most 5 seconds. `Err` within is a phrase: `status 503`.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn ask(&self, address: &str) -> Result<Result<(), String>, Interrupted> {
        let (url, host) = (self.url(address), self.host.clone());
        let answer = interruptible(move || http::get(&url, host.as_deref(), TIMEOUT));
        if interrupt::requested() {
            return Err(Interrupted);
        }
        Ok(match answer.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(Page { status: 200, .. }) => Ok(()),
            Ok(Page { status, .. }) => Err(format!("status {status}")),
            Err(reason) => Err(reason),
        })
    }

    /// Asks an instance once, if it can answer at all.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn check(&self, instance: &Instance) -> Result<HealthVerdict, Interrupted> {
        match instance.address() {
            Some(address) if instance.status == InstanceStatus::Running => {
                Ok(self.ask(address)?.map_or_else(HealthVerdict::Ill, |()| HealthVerdict::Well))
            }
            _ => Ok(HealthVerdict::NotAsked),
        }
    }
}
