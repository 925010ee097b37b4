//! What `stackdeb boot` reports: how far the machine came, and how its sites answer.

use std::path::Path;

use miette::miette;
use serde::Serialize;

use super::boot_sites::FurtherSite;
use crate::system::print;
use crate::system::words::shown;
use crate::vm::console::Mark;
use crate::vm::probe::Probe;

/// The object that `--json` prints: how the machine answered.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    pub image: &'a Path,
    pub url: String,
    /// `null` if the site has no HTTPS.
    pub https_url: Option<String>,
    pub ssh_port: Option<u16>,
    pub accelerator: &'static str,
    pub stages: Vec<Mark>,
    /// When the site first answered 200, in seconds.
    pub site_seconds: Option<f64>,
    pub probes: Vec<Probe>,
    /// The name by which the site was asked; `null` if it answers to every name.
    pub host: Option<&'a str>,
    /// The sites of the other stacks in the image.
    pub further_sites: Vec<FurtherSite>,
}

impl Report<'_> {
    /// # Errors
    /// When a page did not answer as it should.
    pub fn verdict(&self) -> miette::Result<()> {
        let further = self.further_sites.iter().flat_map(|site| &site.probes);
        let failed = self.probes.iter().chain(further).filter(|probe| !probe.ok);
        let failed: Vec<&str> = failed.map(|probe| probe.path.as_str()).collect();
        if failed.is_empty() { Ok(()) } else { Err(miette!("the site is not well: {}", failed.join(", "))) }
    }

    /// Prints it for a person, on standard error: the console has standard output.
    pub fn print(&self) {
        print::note("");
        for Mark { stage, after } in &self.stages {
            print::note(format_args!("{:>7.1} s  {}", after.as_secs_f64(), stage.describe()));
        }
        if let Some(seconds) = self.site_seconds {
            let by_name = self.host.map_or(String::new(), |host| format!(" by the name {host}"));
            print::note(format_args!("{seconds:>7.1} s  the site answers at {}{by_name}", self.url));
        }
        if let Some(url) = &self.https_url {
            print::note(format_args!("           and at {url}, with a certificate that browsers do not know"));
        }
        for FurtherSite { stack, url, https_url, host, probes, .. } in &self.further_sites {
            let by_name = host.as_ref().map_or(String::new(), |host| format!(" by the name {host}"));
            let over_https = https_url.as_ref().map_or(String::new(), |url| format!(" and {url}"));
            print::note(format_args!("           {stack} is at {url}{over_https}{by_name}"));
            probes.iter().for_each(|probe| print_probe(&format!("{stack} "), probe));
        }
        if let Some(port) = self.ssh_port {
            print::note(format_args!("           ssh -p {port} root@localhost"));
        }
        self.probes.iter().for_each(|probe| print_probe("", probe));
    }
}

/// Prints whether a page is well. `stack` is the name of its stack with a space behind it, where there are several.
fn print_probe(stack: &str, Probe { path, ok, detail }: &Probe) {
    let verdict = if *ok { "    ok " } else { "FAILED " };
    print::note(format_args!(" {verdict} {stack}{path}: {}", shown(detail)));
}
