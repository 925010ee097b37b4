//! Settings for all HTTP requests: a status such as 404 is not an error, every wait has a limit, and the header
//! User-Agent names stackdeb. Proxies are read from the variables `http_proxy`, `https_proxy` and `no_proxy`.

use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::http::header::HOST;
use ureq::typestate::AgentScope;

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

/// The response of a web site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    /// Bytes that are not valid UTF-8 are replaced with U+FFFD.
    pub body: String,
}

/// Sends one GET request. `host` replaces the host of the address in the header Host. Redirects are not followed.
/// Addresses of this machine (127.0.0.0/8) are asked directly, without a proxy.
///
/// # Errors
/// When there is no whole response within `limit`, or its body has more than 64 KiB. The error is a phrase.
pub fn get(url: &str, host: Option<&str>, limit: Duration) -> Result<Page, String> {
    let mut settings = settings(Patience { connect: limit, stall: limit }).timeout_global(Some(limit)).max_redirects(0);
    if url.starts_with("http://127.") {
        settings = settings.proxy(None);
    }
    let agent = ureq::Agent::new_with_config(settings.build());
    let mut request = agent.get(url);
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    let mut response = request.call().map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec().map_err(|error| error.to_string())?;
    Ok(Page { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}
