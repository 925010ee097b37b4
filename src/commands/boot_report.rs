//! Prints what `stackdeb boot` reports, for a person: how far the machine came, and how its sites answer.

use crate::system::print;
use crate::system::words::shown;
use crate::vm::boot::BootReport;
use crate::vm::console::Mark;
use crate::vm::further_sites::BootedSite;
use crate::vm::probe::Probe;

/// Prints it on standard error: the console has standard output.
pub(super) fn print(report: &BootReport) {
    print::note("");
    for Mark { stage, after } in &report.stages {
        print::note(format_args!("{:>7.1} s  {}", after.as_secs_f64(), stage.describe()));
    }
    if let Some(seconds) = report.site_seconds {
        let by_name = report.host.as_ref().map_or(String::new(), |host| format!(" by the name {host}"));
        print::note(format_args!("{seconds:>7.1} s  the site answers at {}{by_name}", report.url));
    }
    if let Some(url) = &report.https_url {
        print::note(format_args!("           and at {url}, with a certificate that browsers do not know"));
    }
    for BootedSite { stack, url, https_url, host, probes, .. } in &report.further_sites {
        let by_name = host.as_ref().map_or(String::new(), |host| format!(" by the name {host}"));
        let over_https = https_url.as_ref().map_or(String::new(), |url| format!(" and {url}"));
        print::note(format_args!("           {stack} is at {url}{over_https}{by_name}"));
        probes.iter().for_each(|probe| print_probe(&format!("{stack} "), probe));
    }
    if let Some(port) = report.ssh_port {
        print::note(format_args!("           ssh -p {port} root@localhost"));
    }
    report.probes.iter().for_each(|probe| print_probe("", probe));
}

/// Prints whether a page is well. `stack` is the name of its stack with a space behind it, where there are several.
fn print_probe(stack: &str, Probe { path, ok, detail }: &Probe) {
    let verdict = if *ok { "    ok " } else { "FAILED " };
    print::note(format_args!(" {verdict} {stack}{path}: {}", shown(detail)));
}
