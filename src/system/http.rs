//! HTTP as this program speaks it: statuses are answers and not errors, nothing is waited for without end, and servers
//! are told who asks. Proxies are taken from `http_proxy` and its kin.

use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::http::header::HOST;
use ureq::typestate::AgentScope;

/// No more than this is kept of what [`get`] is answered, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection to be made.
    pub connect: Duration,
    /// Without a single byte, in either direction.
    pub stall: Duration,
}

/// An agent's settings, for its owner to add to.
pub fn settings(patience: Patience) -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.stall))
        .timeout_per_read(Some(patience.stall))
        .timeout_per_write(Some(patience.stall))
        .user_agent(concat!("stackdeb/", env!("CARGO_PKG_VERSION")))
}

/// A site's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body's beginning.
    pub body: String,
}

/// GETs a page once, with a `Host:` of its own if `host` has one. Redirects are answers as well. A proxy is not asked for
/// an address of this machine.
///
/// # Errors
/// When there is no answer within `limit`: the reason as a phrase.
pub fn get(url: &str, host: Option<&str>, limit: Duration) -> Result<Answer, String> {
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
    Ok(Answer { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}
