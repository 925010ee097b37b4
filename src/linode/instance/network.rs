//! Networks in CIDR notation, as the user names those of a balancer on the command line.

use crate::linode::error::LinodeError;
use crate::stack::network;

/// # Errors
/// When it has another form, or is every address there is.
pub fn check(text: &str) -> Result<String, LinodeError> {
    network(text).map_err(|error| {
        let help =
            "write a network in CIDR notation, such as --balancer 10.0.0.128/29; a single address is 192.0.2.7/32";
        LinodeError::argument(error.to_string(), help)
    })
}
