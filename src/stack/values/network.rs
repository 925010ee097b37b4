//! Networks in CIDR notation, as the user names those of a balancer.

use std::net::IpAddr;

use miette::Diagnostic;

/// Why a text is not a network whose machines can be trusted.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{text}` is not a network: {why}")]
#[diagnostic(help("write a network in CIDR notation, such as 10.0.0.128/29; a single address is 192.0.2.7/32"))]
pub struct NetworkError {
    text: String,
    why: &'static str,
}

/// Checks a network. It must not have bits behind its prefix: nginx would ignore them, and the user would be
/// wrong about what is trusted.
///
/// # Errors
/// When it has another form, or is every address there is.
pub fn network(text: &str) -> Result<String, NetworkError> {
    let bad = |why| NetworkError { text: text.escape_debug().to_string(), why };
    let (address, length) = text.split_once('/').ok_or_else(|| bad("it has no prefix length"))?;
    let address: IpAddr = address.parse().map_err(|_| bad("what is before `/` is not an address"))?;
    let length: u32 = length.parse().map_err(|_| bad("its prefix length is not a number"))?;
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32_u32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let behind = width.checked_sub(length).ok_or_else(|| bad("its prefix is longer than an address"))?;
    if length == 0 {
        return Err(bad("everybody could call themselves anybody"));
    }
    if bits & 1_u128.checked_shl(behind).map_or(u128::MAX, |bit| bit.saturating_sub(1)) != 0 {
        return Err(bad("the address has bits behind the prefix"));
    }
    Ok(format!("{address}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_and_a_prefix() {
        for (text, expected) in [
            ("10.0.0.128/29", "10.0.0.128/29"),
            ("192.0.2.7/32", "192.0.2.7/32"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("fd00::1/128", "fd00::1/128"),
        ] {
            assert_eq!(network(text).unwrap(), expected);
        }
        for bad in
            ["", "10.0.0.1", "10.0.0.1/24", "10.0.0.0/33", "0.0.0.0/0", "::/0", "x/8", "10.0.0.0/x", "10.0.0.0/8;"]
        {
            let error = network(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}` is not a network")), "{error}");
        }
    }
}
