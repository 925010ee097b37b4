//! Requests that must not be carried out twice, such as one that makes an instance. When no answer comes, a look at the
//! account tells whether the request was carried out; only if it was not, it is sent again.

use super::client::ApiClient;
use crate::linode::error::LinodeError;

/// Sends a request with `send` until it is carried out once. `look` finds what the request was to bring about.
///
/// # Errors
/// When the API refuses, or does not answer several times; or when the user interrupts.
pub(in crate::linode) fn make<T>(
    client: &ApiClient,
    send: impl Fn() -> Result<T, LinodeError>,
    look: impl Fn() -> Result<Option<T>, LinodeError>,
) -> Result<T, LinodeError> {
    let mut failures = 0_u32;
    loop {
        let error = match send() {
            Err(error @ (LinodeError::Network { .. } | LinodeError::Response { .. })) => error,
            // What an earlier attempt has made may be in the way of another of the same name.
            Err(error @ LinodeError::Refused { .. }) if failures > 0 => return look()?.ok_or(error),
            done => return done,
        };
        // If even the look fails, the first error says more.
        let Ok(found) = look() else { return Err(error) };
        if let Some(found) = found {
            return Ok(found);
        }
        failures = failures.saturating_add(1);
        if failures >= client.policy().attempts || matches!(error, LinodeError::Response { .. }) {
            return Err(error);
        }
        client.clock().sleep(client.policy().pause_after(failures))?;
    }
}
