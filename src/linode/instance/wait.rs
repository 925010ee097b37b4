//! Waits until the sites of new instances answer.

use std::time::Duration;

use super::health::HealthPage;
use super::kernel::{self, KernelState};
use super::options::DeployOptions;
use super::started::StartedInstance;
use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::{self, InstanceStatus};
use crate::linode::error::LinodeError;
use crate::system::progress::Reporter;

/// What to do when SSH does not answer. Root's password is locked, so that nobody can log in at the console as it is.
const WITHOUT_SSH: &str = "Without SSH: in Cloud Manager, power the Linode off, reset its root password under Storage, boot \
                           it, and log in as root at its Lish console; or reboot it into Rescue Mode, mount /dev/sda and \
                           read /var/log there";

/// The longest pause between two looks at an instance.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Looks at the instances in turn until the site of each has answered 200.
///
/// # Errors
/// When one does not answer in time or is deleted, the API refuses or cannot be reached, or the user interrupts.
pub(super) fn wait_for_all(
    client: &ApiClient,
    options: &DeployOptions,
    started: &mut [StartedInstance],
    reporter: Reporter,
) -> Result<(), LinodeError> {
    let (page, clock) = (HealthPage::of(options.stack), client.clock());
    let end = clock.now().saturating_add(options.timeout);
    let mut pause = client.policy().first_poll;
    loop {
        for one in started.iter_mut().filter(|one| one.healthy_after.is_none()) {
            look(client, &page, one, reporter)?;
        }
        let silent: Vec<&StartedInstance> = started.iter().filter(|one| one.healthy_after.is_none()).collect();
        let Some(first) = silent.first() else { return Ok(()) };
        let rest = end.saturating_sub(clock.now());
        if rest.is_zero() {
            let labels: Vec<&str> = silent.iter().map(|one| one.instance.label.as_str()).collect();
            let (name, address) = (&options.stack.package.name, first.instance.address().unwrap_or("ADDRESS"));
            return Err(LinodeError::NotHealthy {
                labels: labels.join(", "),
                seconds: options.timeout.as_secs(),
                last: first.last.clone(),
                help: format!(
                    "look at it: ssh root@{address} journalctl -b -u cloud-init -u {name}.service. {WITHOUT_SSH}"
                ),
            });
        }
        clock.sleep(pause.min(rest))?;
        pause = client.policy().next_poll(pause).min(LONGEST_PAUSE);
    }
}

/// Looks at one instance once, and does what it needs next.
fn look(
    client: &ApiClient,
    page: &HealthPage,
    one: &mut StartedInstance,
    reporter: Reporter,
) -> Result<(), LinodeError> {
    let label = one.instance.label.clone();
    if one.instance.status != InstanceStatus::Running || one.kernel != KernelState::Set {
        one.instance = instances::get(client, one.instance.id)?.ok_or_else(|| LinodeError::Gone(label.clone()))?;
        one.kernel = kernel::settle(client, &one.instance, one.kernel)?;
        one.last = format!("Linode says that it is {}", one.instance.status.describe());
    }
    if one.instance.status != InstanceStatus::Running {
        return Ok(());
    }
    let passed = || client.clock().now().saturating_sub(one.requested);
    if one.running_after.is_none() {
        let passed = passed();
        one.running_after = Some(passed);
        reporter.say(&format!("{label} is switched on after {:.0} s", passed.as_secs_f64()));
    }
    let Some(address) = one.instance.address() else {
        one.last = "it has no public address".to_owned();
        return Ok(());
    };
    let url = page.url(address);
    match page.ask(address)? {
        Ok(()) => {
            let passed = passed();
            one.healthy_after = Some(passed);
            reporter.say(&format!("{label} answers at {url} after {:.0} s", passed.as_secs_f64()));
        }
        Err(reason) => one.last = format!("{url}: {reason}"),
    }
    Ok(())
}
