//! The sites of the stacks that a booted image has: where they are asked on this computer, and what they answer.

use std::time::Duration;

use serde::Serialize;

use super::arguments::Forward;
use super::machine::{self, Machine};
use super::probe::{Probe, SitePage};
use crate::disk::manifest::InstalledStack;

/// The port that the forwarded port of the first stack leads to.
const HTTP: u16 = 80;

/// The site of a stack that is in the image beside the first one.
#[derive(Debug, Serialize)]
pub struct BootedSite {
    pub stack: String,
    pub url: String,
    /// `null` if it has no HTTPS.
    pub https_url: Option<String>,
    pub host: Option<String>,
    pub probes: Vec<Probe>,
    #[serde(skip)]
    port: u16,
    #[serde(skip)]
    pages: Vec<SitePage>,
}

/// The pages that a stack is asked for.
pub fn pages_of(stack: &InstalledStack) -> Vec<SitePage> {
    let health = SitePage::health(&stack.health_path);
    let first = Some(SitePage::first_page()).filter(|first| first.path() != health.path());
    first.into_iter().chain([health]).collect()
}

/// The sites of the stacks beside the first one, and the ports that lead to those that are not at the first one's `port`.
///
/// # Errors
/// When this computer has no free port.
pub fn further_sites(
    stacks: Vec<InstalledStack>,
    port: u16,
    https_port: Option<u16>,
) -> miette::Result<(Vec<BootedSite>, Vec<Forward>)> {
    let (mut sites, mut forwards) = (Vec::new(), Vec::<Forward>::new());
    for stack in stacks.into_iter().skip(1) {
        let pages = pages_of(&stack);
        let InstalledStack { name, port: guest, host, https, .. } = stack;
        let known = forwards.iter().find(|forward| forward.guest == guest).map(|forward| forward.host);
        let here = match known {
            _ if guest == HTTP => port,
            Some(known) => known,
            None => {
                let host = machine::choose_port(0)?;
                forwards.push(Forward { host, guest });
                host
            }
        };
        let url = format!("http://localhost:{here}");
        let https_url = https_port.filter(|_| https).map(|port| format!("https://localhost:{port}"));
        sites.push(BootedSite { stack: name, url, https_url, host, probes: Vec::new(), port: here, pages });
    }
    Ok((sites, forwards))
}

/// How long a page that is not the first may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl BootedSite {
    pub fn probe(&mut self, machine: &Machine) {
        let ask = |page: &SitePage| machine.wait_for_site(self.port, self.host.as_deref(), page, PATIENCE);
        let judge = |page: &SitePage| Probe::judge(page, ask(page).map_err(|error| error.to_string()));
        self.probes = self.pages.iter().map(judge).collect();
    }
}
