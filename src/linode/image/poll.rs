//! Waits until an image is available: asks again and again, ever more rarely. An image that fails is gone all at once;
//! why is then asked of the account's events.

use std::time::Duration;

use crate::linode::api::client::Client;
use crate::linode::api::events;
use crate::linode::api::images::{self, Image, Status};
use crate::linode::error::ApiError;

/// How waiting ended that was not ended by an error.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited {
    /// Instances can be made from it.
    Available(Image),
    /// It is gone. What the events say, or why nobody knows.
    Vanished(String),
    /// It is not done in time.
    NotYet(Status),
}

/// Asks until the image is available or gone, or `patience` is at its end. `say` is told each status as it comes.
///
/// # Errors
/// When the API refuses or cannot be asked, or the user interrupts.
pub fn wait(client: &Client, id: &str, patience: Duration, say: &dyn Fn(Status)) -> Result<Waited, ApiError> {
    let clock = client.clock();
    let end = clock.now().saturating_add(patience);
    let mut pause = client.limits().first_poll;
    let mut known = None;
    loop {
        let Some(image) = images::get(client, id)? else {
            return Ok(Waited::Vanished(why(client, id)?));
        };
        if image.status == Status::Available {
            return Ok(Waited::Available(image));
        }
        if known.replace(image.status) != Some(image.status) {
            say(image.status);
        }
        let rest = end.saturating_sub(clock.now());
        if rest.is_zero() {
            return Ok(Waited::NotYet(image.status));
        }
        clock.sleep(pause.min(rest))?;
        pause = client.limits().next_poll(pause);
    }
}

/// The event may come a moment after the image has gone.
fn why(client: &Client, id: &str) -> Result<String, ApiError> {
    const TIMES: u32 = 3;
    for time in 1..=TIMES {
        match events::why_failed(client, id) {
            Ok(Some(reason)) => return Ok(reason),
            Ok(None) if time < TIMES => client.clock().sleep(client.limits().pause_after(time))?,
            Ok(None) => break,
            Err(error @ ApiError::Interrupted(_)) => return Err(error),
            Err(error) => return Ok(format!("the reason is in the account's events, but: {error}")),
        }
    }
    Ok("the account's events do not say why".to_owned())
}
