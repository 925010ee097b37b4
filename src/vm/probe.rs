//! Probes of a machine's site through the forwarded port: what a browser would get, and whether that is well.

use std::time::Duration;

use serde::Serialize;

/// What every stack answers when it is well.
pub const PATHS: [&str; 3] = ["/", "/healthz", "/visits"];

/// No more of an answer than this is kept.
const BODY_LIMIT: u64 = 64 * 1024;

/// What came of one probe.
#[derive(Debug, Clone, Serialize)]
pub struct Probe {
    /// The path that was asked for.
    pub path: String,
    /// Whether it answered 200 in time.
    pub ok: bool,
    /// The answer's first line, or what was wrong.
    pub detail: String,
}

/// A site's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body's beginning.
    pub body: String,
}

/// GETs `http://127.0.0.1:PORT/PATH` once.
///
/// # Errors
/// When there is no answer within `limit`: the reason as a phrase.
pub fn get(port: u16, path: &str, limit: Duration) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build();
    let mut response = ureq::Agent::new_with_config(config)
        .get(format!("http://127.0.0.1:{port}{path}"))
        .call()
        .map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec().map_err(|error| error.to_string())?;
    Ok(Answer { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}

impl Probe {
    /// The verdict on what came of asking for `path`.
    pub fn judge(path: &str, outcome: Result<Answer, String>) -> Self {
        let (ok, detail) = match outcome {
            Ok(Answer { status: 200, body }) => (true, body.lines().next().unwrap_or_default().to_owned()),
            Ok(Answer { status, body }) => {
                (false, format!("status {status}: {}", body.lines().next().unwrap_or_default()))
            }
            Err(reason) => (false, reason),
        };
        Self { path: path.to_owned(), ok, detail }
    }
}
