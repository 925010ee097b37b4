//! apt goes from one version of the package to the next and back while thousands of requests come in every second: none
//! fails. In a booted container, which is faster than a machine under emulation; an ordinary user sees it as ignored.

use libtest_mimic::Trial;
use support::container::Container;
use support::upgrade::{install, under_load, versions};
use support::{kept, room};

pub fn trials() -> Vec<Trial> {
    let trial = room::test("upgrade_under_load", "upgrades_and_the_ways_back_fail_no_request", upgrades);
    room::unless(room::without_root(), vec![trial])
}

fn upgrades() {
    let packages = versions(&kept().join("upgrade-under-load"));
    let container = Container::boot();
    for package in &packages {
        container.copy(package);
    }
    install(&container, "1.0.0");
    under_load(&container, 3);
}
