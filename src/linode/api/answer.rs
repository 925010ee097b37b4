//! What came of one request to the API: an answer of its server, or none → a response, or a [`RequestFailure`] that says
//! whether another attempt may succeed.

use std::time::Duration;

use ureq::http::header::RETRY_AFTER;
use ureq::http::{HeaderMap, Request, StatusCode};

use super::request::{ApiRequest, ApiResponse};
use super::retry::RetryPolicy;
use super::token::Token;
use crate::linode::error::LinodeError;
use crate::linode::reason::{Reason, reasons};

/// The longest answer that is read, in bytes. A page of 500 images has less than half of it.
const LONGEST_ANSWER: u64 = 4 * 1024 * 1024;

/// Why an attempt did not succeed.
pub(super) enum RequestFailure {
    /// A fault on the way or at Linode, after which another attempt may succeed.
    Passing { reason: String, reached: Reached },
    /// The object is busy with something else. The request was not carried out, and will be later.
    Busy(LinodeError),
    /// The API wants no other attempt before this time has passed.
    Deferred(Duration),
    /// No other attempt will succeed.
    Lasting(LinodeError),
}

/// Whether a request that failed can have reached the API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    Never,
    Perhaps,
}

/// A whole answer, whatever its status.
pub(super) struct Exchanged {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// Sends one request and reads the answer to its end. A request with an empty body is sent without a body.
pub(super) fn exchange(agent: &ureq::Agent, request: Request<String>) -> Result<Exchanged, ureq::Error> {
    let mut response = if request.body().is_empty() { agent.run(request.map(|_| ()))? } else { agent.run(request)? };
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER).lossy_utf8(true).read_to_string()?;
    Ok(Exchanged { status: response.status(), headers: response.headers().clone(), body })
}

/// What an attempt came to: an answer with a good status, or a failure. No failure shows the token, or the secret of the request.
pub(super) fn judge(
    request: &ApiRequest,
    exchanged: Result<Exchanged, ureq::Error>,
    token: &Token,
    policy: &RetryPolicy,
) -> Result<ApiResponse, RequestFailure> {
    let Exchanged { status, headers, body } = exchanged.map_err(|error| no_answer(&error, token))?;
    if status.is_success() {
        let scopes = headers.get("X-OAuth-Scopes").and_then(|value| value.to_str().ok()).map(str::to_owned);
        return Ok(ApiResponse { action: request.action, body, scopes });
    }
    let body = token.redact(&body);
    let body = request.secret.map_or_else(|| body.clone(), |secret| body.replace(secret, "[secret]"));
    Err(refusal(request, status, &headers, &body, policy))
}

fn refusal(
    request: &ApiRequest,
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    policy: &RetryPolicy,
) -> RequestFailure {
    let (action, scope, reasons) = (request.action, request.scope, reasons(body));
    match status {
        StatusCode::TOO_MANY_REQUESTS => RequestFailure::Deferred(retry_after(headers).unwrap_or(policy.pause)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            RequestFailure::Lasting(LinodeError::Unauthorized { action, scope, reasons })
        }
        StatusCode::NOT_FOUND => RequestFailure::Lasting(LinodeError::NotFound { action }),
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            let said = reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
            RequestFailure::Passing { reason: format!("Linode answers {status}{said}"), reached: Reached::Perhaps }
        }
        StatusCode::BAD_REQUEST if is_busy(&reasons) => {
            RequestFailure::Busy(LinodeError::Refused { action, status: status.to_string(), reasons })
        }
        _ => RequestFailure::Lasting(LinodeError::Refused { action, status: status.to_string(), reasons }),
    }
}

fn no_answer(error: &ureq::Error, token: &Token) -> RequestFailure {
    use ureq::{Error, Timeout};
    let reached = match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Reached::Never
        }
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Reached::Never,
        _ => Reached::Perhaps,
    };
    RequestFailure::Passing { reason: token.redact(&error.to_string()), reached }
}

/// Whether the API refuses only because the object is busy: this text is all that it says then.
fn is_busy(reasons: &[Reason]) -> bool {
    matches!(reasons, [only] if only.reason.trim_end_matches('.').eq_ignore_ascii_case("linode busy"))
}

/// How long the API wants no further request (RFC 9110, 10.2.3). Linode sends it as a number of seconds, never as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
