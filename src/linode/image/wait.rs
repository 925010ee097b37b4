//! Waits until an image is available. An image that Linode cannot use disappears; the reason is
//! then in the account's events.

use std::time::Duration;

use crate::linode::api::client::ApiClient;
use crate::linode::api::events;
use crate::linode::api::images::{self, AccountImage};
use crate::linode::error::LinodeError;
use crate::linode::image_status::ImageStatus;
use crate::system::progress::Reporter;

/// Looks at the image again and again until it is available. Tells `reporter` each new status.
///
/// # Errors
/// [`LinodeError::Discarded`] when the image disappears; [`LinodeError::NotAvailableYet`] after `timeout`; or when the API refuses or
/// cannot be reached, or the user interrupts.
pub(super) fn wait(
    client: &ApiClient,
    id: &str,
    timeout: Duration,
    reporter: Reporter,
) -> Result<AccountImage, LinodeError> {
    let (clock, policy) = (client.clock(), client.policy());
    let end = clock.now().saturating_add(timeout);
    let mut pause = policy.first_poll;
    let mut known = None;
    loop {
        let Some(image) = images::get(client, id)? else {
            return Err(LinodeError::Discarded { id: id.to_owned(), reason: reason(client, id)? });
        };
        let status = image.status;
        if status == ImageStatus::Available {
            return Ok(image);
        }
        if known.replace(status) != Some(status) {
            report(status, id, reporter);
        }
        let rest = end.saturating_sub(clock.now());
        if rest.is_zero() {
            return Err(LinodeError::NotAvailableYet { id: id.to_owned(), status, timeout });
        }
        clock.sleep(pause.min(rest))?;
        pause = policy.next_poll(pause);
    }
}

fn report(status: ImageStatus, id: &str, reporter: Reporter) {
    match status {
        ImageStatus::PendingUpload => reporter.say(&format!("{id} is sent; Linode has not noticed it yet")),
        ImageStatus::Creating => reporter.say(&format!("{id} is being made from the file")),
        ImageStatus::Available | ImageStatus::Other => {}
    }
}

/// Why the image has disappeared, or why that is not known. The event may appear a moment after the image has gone.
///
/// # Errors
/// When the user interrupts.
fn reason(client: &ApiClient, id: &str) -> Result<String, LinodeError> {
    const ATTEMPTS: u32 = 3;
    for attempt in 1..=ATTEMPTS {
        match events::why_failed(client, id) {
            Ok(Some(reason)) => return Ok(reason),
            Ok(None) if attempt < ATTEMPTS => client.clock().sleep(client.policy().pause_after(attempt))?,
            Ok(None) => break,
            Err(error @ LinodeError::Interrupted(_)) => return Err(error),
            Err(error) => return Ok(format!("the reason is in the account's events, but: {error}")),
        }
    }
    Ok("the account's events do not say why".to_owned())
}
