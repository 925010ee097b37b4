//! Requests to the API: with the token, within limits, tried again where that does no harm. Redirects are not
//! followed, so that the token goes to no other place.

use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{HeaderMap, Method, Request, StatusCode, Uri};

use super::clock::{Clock, Limits, interruptible};
use super::token::Token;
use crate::linode::error::{ApiError, reasons};
use crate::system::http::{self, Patience};
use crate::system::interrupt::{self, Interrupted};

/// The address of the API, where its documentation says.
pub const ADDRESS: &str = "https://api.linode.com/v4";

/// The longest answer that is read, in bytes. 500 images are less than half of it.
const LONGEST_ANSWER: u64 = 4 * 1024 * 1024;

/// A way to the API.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Token,
    limits: Limits,
    clock: Rc<dyn Clock>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub method: Method,
    /// Behind the base address, from its `/` on.
    pub path: &'a str,
    /// The `X-Filter` header: JSON.
    pub filter: Option<&'a str>,
    /// JSON.
    pub body: Option<String>,
    /// What of the body must not be shown if it comes back.
    pub secret: Option<&'a str>,
    /// For messages: "list the images".
    pub what: &'static str,
    /// The scope that the token needs.
    pub scope: &'static str,
}

impl<'a> Call<'a> {
    /// A request without a body.
    pub fn new(method: Method, path: &'a str, what: &'static str, scope: &'static str) -> Self {
        Self { method, path, filter: None, body: None, secret: None, what, scope }
    }
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    what: &'static str,
    body: String,
    scopes: Option<String>,
}

impl Answer {
    /// Its content.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_str(&self.body)
            .map_err(|error| ApiError::Answer { what: self.what, reason: error.to_string() })
    }

    /// Fails when the API tells the token's scopes and `scope` is not among them. It may tell nothing.
    pub fn require_scope(&self, scope: &'static str, what: &'static str) -> Result<(), ApiError> {
        let Some(found) = &self.scopes else { return Ok(()) };
        let suffices = |own: &str| {
            own == "*" || own == scope || scope.split_once(':').is_some_and(|(of, _)| own == format!("{of}:*"))
        };
        if found.split([',', ' ']).any(suffices) {
            return Ok(());
        }
        Err(ApiError::Scope { what, found: found.clone(), scope })
    }
}

/// How one attempt ended that had no answer, or no lasting one.
enum Failure {
    /// Another attempt may do. `reached`: the request may have had its effect.
    Passing { reason: String, reached: Reached },
    /// Not before this time has passed.
    Deferred(Duration),
    /// No other attempt will do.
    Lasting(ApiError),
}

/// Whether a request that failed can have come to the API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Never,
    Perhaps,
}

impl Client {
    /// A client of the API at `base`. Nothing is connected yet.
    ///
    /// # Errors
    /// When `base` is no address, or one that would send the token over the network in the clear.
    pub fn new(base: &str, token: Token, limits: Limits, clock: Rc<dyn Clock>) -> Result<Self, ApiError> {
        let base = base.trim_end_matches('/');
        check_address(base).map_err(|reason| ApiError::Address { address: base.to_owned(), reason })?;
        let patience = Patience { connect: limits.connect, stall: limits.stall };
        let config = http::settings(patience).max_redirects(0).build();
        Ok(Self { agent: ureq::Agent::new_with_config(config), base: base.to_owned(), token, limits, clock })
    }

    pub(in crate::linode) fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    pub(in crate::linode) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(in crate::linode) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(in crate::linode) fn token(&self) -> &Token {
        &self.token
    }

    /// A command that deletes what is at `path`. The token is in the environment of the shell that runs it, and comes
    /// into no process's arguments.
    pub fn delete_command(&self, path: &str) -> String {
        let (variable, base) = (self.token.variable(), &self.base);
        format!("printf 'Authorization: Bearer %s' \"${variable}\" | curl -fsS -X DELETE -H @- {base}{path}")
    }

    /// Sends a request until it has an answer. One that must not happen twice is sent again only if it cannot have come
    /// to the API.
    pub(super) fn send(&self, call: &Call) -> Result<Answer, ApiError> {
        let (mut failures, mut deferrals) = (0, 0);
        loop {
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
            let idempotent = call.method.is_idempotent();
            match if idempotent { self.interruptible_attempt(call) } else { self.attempt(call) } {
                Ok(answer) => return Ok(answer),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Deferred(pause)) => {
                    deferrals += 1;
                    if deferrals > self.limits.deferrals || pause > self.limits.longest_deferral {
                        return Err(ApiError::TooMany { what: call.what, seconds: pause.as_secs() });
                    }
                    self.clock.sleep(pause)?;
                }
                Err(Failure::Passing { reason, reached }) => {
                    failures += 1;
                    let again = idempotent || reached == Reached::Never;
                    if !again || failures >= self.limits.attempts {
                        return Err(ApiError::Network { what: call.what, attempts: failures, reason });
                    }
                    self.clock.sleep(self.limits.pause_after(failures))?;
                }
            }
        }
    }

    /// Sends a request once, even after an interrupt: for clearing up.
    pub(super) fn send_once(&self, call: &Call) -> Result<Answer, ApiError> {
        self.attempt(call).map_err(|failure| match failure {
            Failure::Lasting(error) => error,
            Failure::Deferred(pause) => ApiError::TooMany { what: call.what, seconds: pause.as_secs() },
            Failure::Passing { reason, .. } => ApiError::Network { what: call.what, attempts: 1, reason },
        })
    }

    fn attempt(&self, call: &Call) -> Result<Answer, Failure> {
        let request = self.request(call)?;
        let agent = self.agent.clone();
        let exchanged = exchange(&agent, request);
        self.judge(call, exchanged)
    }

    /// An attempt that an interrupt ends at once. Not for what must be known to have happened or not.
    fn interruptible_attempt(&self, call: &Call) -> Result<Answer, Failure> {
        let request = self.request(call)?;
        let agent = self.agent.clone();
        match interruptible(move || exchange(&agent, request)) {
            Ok(exchanged) => self.judge(call, exchanged),
            Err(_) if interrupt::requested() => Err(Failure::Lasting(Interrupted.into())),
            Err(error) => Err(Failure::Passing { reason: error.to_string(), reached: Reached::Perhaps }),
        }
    }

    fn request(&self, call: &Call) -> Result<Request<String>, Failure> {
        let malformed = || ApiError::Answer { what: call.what, reason: "the request has no form".to_owned() };
        let mut request = Request::builder().method(call.method.clone()).uri(format!("{}{}", self.base, call.path));
        if let Some(token) = self.token.header() {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(filter) = call.filter {
            request = request.header("X-Filter", filter);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(call.body.clone().unwrap_or_default()).map_err(|_| Failure::Lasting(malformed()))
    }

    fn judge(&self, call: &Call, exchanged: Result<Exchanged, ureq::Error>) -> Result<Answer, Failure> {
        let Exchanged { status, headers, body } = exchanged.map_err(|error| self.passing(&error))?;
        if status.is_success() {
            let scopes = headers.get("X-OAuth-Scopes").and_then(|value| value.to_str().ok()).map(str::to_owned);
            return Ok(Answer { what: call.what, body, scopes });
        }
        let body = self.token.redact(&body);
        let body = call.secret.map_or_else(|| body.clone(), |secret| body.replace(secret, "[secret]"));
        Err(self.refusal(call, status, &headers, &body))
    }

    fn refusal(&self, call: &Call, status: StatusCode, headers: &HeaderMap, body: &str) -> Failure {
        let (what, scope, reasons) = (call.what, call.scope, reasons(body));
        match status {
            StatusCode::TOO_MANY_REQUESTS => Failure::Deferred(retry_after(headers).unwrap_or(self.limits.pause)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Failure::Lasting(ApiError::Unauthorized { what, scope, reasons })
            }
            StatusCode::NOT_FOUND => Failure::Lasting(ApiError::NotFound { what }),
            _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                let said = reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
                Failure::Passing { reason: format!("Linode answers {status}{said}"), reached: Reached::Perhaps }
            }
            _ => Failure::Lasting(ApiError::Refused { what, status: status.to_string(), reasons }),
        }
    }

    fn passing(&self, error: &ureq::Error) -> Failure {
        use ureq::{Error, Timeout};
        let reached = match error {
            Error::HostNotFound | Error::ConnectionFailed | Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Reached::Never
            }
            Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Reached::Never,
            _ => Reached::Perhaps,
        };
        Failure::Passing { reason: self.token.redact(&error.to_string()), reached }
    }
}

/// What came back.
struct Exchanged {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// Sends one request and reads its answer to the end. An empty body is none.
fn exchange(agent: &ureq::Agent, request: Request<String>) -> Result<Exchanged, ureq::Error> {
    let mut response = if request.body().is_empty() { agent.run(request.map(|_| ()))? } else { agent.run(request)? };
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER).lossy_utf8(true).read_to_string()?;
    Ok(Exchanged { status: response.status(), headers: response.headers().clone(), body })
}

/// How long the API wants to be left alone, in seconds (RFC 9110, 10.2.3); its form as a date is not what Linode sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Whether something secret may be sent to an address: over TLS, or without leaving this machine.
pub(in crate::linode) fn check_address(address: &str) -> Result<(), &'static str> {
    let uri: Uri = address.parse().map_err(|_| "it is not an address")?;
    let host = uri.host().ok_or("it has no host")?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if ["localhost", "127.0.0.1", "[::1]"].contains(&host) => Ok(()),
        Some("http") => Err("without https, anyone on the way could read the token"),
        _ => Err("it does not begin with https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_nowhere_in_the_clear() {
        for good in [ADDRESS, "http://127.0.0.1:8080/v4", "http://localhost/v4", "http://[::1]:80"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in [
            "http://api.linode.com/v4",
            "ftp://api.linode.com",
            "api.linode.com/v4",
            "",
            "http://127.0.0.1.example.org",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_suffice_or_not() {
        let with = |scopes: &str| Answer { what: "x", body: String::new(), scopes: Some(scopes.to_owned()) };
        for enough in ["*", "images:read_write", "linodes:read_only images:read_write", "events:read_only,images:*"] {
            assert!(with(enough).require_scope("images:read_write", "x").is_ok(), "{enough}");
        }
        for little in ["", "images:read_only", "linodes:*", "images:read_writes"] {
            assert!(with(little).require_scope("images:read_write", "x").is_err(), "{little}");
        }
    }
}
