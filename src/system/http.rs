//! Settings for all HTTP requests: a status such as 404 is not an error, every wait has a limit, and the header
//! User-Agent names stackdeb. Proxies are read from the variables `http_proxy`, `https_proxy` and `no_proxy`.

use std::env;
use std::net::IpAddr;
use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::http::header::HOST;
use ureq::typestate::AgentScope;

use super::words::keep_secret;

/// The longest body that [`get`] reads, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;

/// How long to wait for a server.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The longest time for making a connection.
    pub connect: Duration,
    /// The longest time in which no byte is sent or received.
    pub stall: Duration,
}

/// Returns the settings that all agents of this program have in common. The caller may add others.
pub fn settings(patience: Patience) -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.stall))
        .timeout_per_read(Some(patience.stall))
        .timeout_per_write(Some(patience.stall))
        .user_agent(concat!("stackdeb/", env!("CARGO_PKG_VERSION")))
}

/// As [`settings`], for an agent that only talks to `address`: this machine's own addresses are asked without a proxy. A
/// proxy would get what is sent there, and a secret in the clear.
pub fn settings_for(address: &str, patience: Patience) -> ConfigBuilder<AgentScope> {
    let settings = settings(patience);
    if is_this_machine(address) { settings.proxy(None) } else { settings }
}

/// Whether an address leads to this machine by the loopback interface (RFC 6761, 6.3; RFC 1122, 3.2.1.3).
pub fn is_this_machine(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || number.is_ok_and(|number| number.is_loopback())
}

/// The user and the password in an address: `user:password` in `http://user:password@host/path` (RFC 3986, 3.2.1).
pub fn credentials(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(credentials, _)| credentials)
}

/// The address without its user and password.
pub fn without_credentials(address: &str) -> String {
    match credentials(address) {
        Some(credentials) => address.replacen(&format!("{credentials}@"), "", 1),
        None => address.to_owned(),
    }
}

/// Keeps the passwords of this machine's proxies out of all messages.
pub fn keep_proxy_passwords_secret() {
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        for name in [name.to_owned(), name.to_uppercase()] {
            let Ok(address) = env::var(name) else { continue };
            let Some(credentials) = credentials(&address) else { continue };
            keep_secret(credentials);
            keep_secret(credentials.split_once(':').map_or("", |(_, password)| password));
        }
    }
}

/// The response of a web site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    /// Bytes that are not valid UTF-8 are replaced with U+FFFD.
    pub body: String,
}

/// Sends one GET request. `host` replaces the host of the address in the header Host. Redirects are not followed.
/// Addresses of this machine are asked directly, without a proxy.
///
/// # Errors
/// When there is no whole response within `limit`, or its body has more than 64 KiB. The error is a phrase.
pub fn get(url: &str, host: Option<&str>, limit: Duration) -> Result<Page, String> {
    let patience = Patience { connect: limit, stall: limit };
    let settings = settings_for(url, patience).timeout_global(Some(limit)).max_redirects(0);
    let agent = ureq::Agent::new_with_config(settings.build());
    let mut request = agent.get(url);
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    let mut response = request.call().map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec().map_err(|error| error.to_string())?;
    Ok(Page { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_known() {
        for here in [
            "http://localhost",
            "http://LOCALHOST:80/v4",
            "http://127.0.0.1:8080/v4",
            "http://127.9.9.9",
            "http://[::1]:80/",
        ] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in
            ["http://127.0.0.1.example.org/", "http://localhost.example.org", "http://example.org/localhost", "x"]
        {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn credentials_are_found_and_taken_out() {
        assert_eq!(credentials("http://anna:p@ss@m.example/x@y"), Some("anna:p@ss"));
        assert_eq!(without_credentials("http://anna:p@ss@m.example/x@y"), "http://m.example/x@y");
        for plain in ["http://m.example/debian", "file:///srv/x@y", "http://m.example/?q=a@b"] {
            assert_eq!((credentials(plain), without_credentials(plain).as_str()), (None, plain));
        }
    }
}
