//! Sends requests to the API: with the token, within time limits, repeated where that does no harm. Redirects are not
//! followed, so that the token reaches no other server.

use std::env;
use std::rc::Rc;

use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ureq::http::{Request, Uri};

use super::answer::{Reached, RequestFailure, exchange, judge};
use super::clock::{Clock, SystemClock, interruptible};
use super::request::{ApiRequest, ApiResponse};
use super::retry::RetryPolicy;
use super::token::Token;
use crate::linode::error::LinodeError;
use crate::system::http::{self, Patience};
use crate::system::interrupt::{self, Interrupted};

/// The address of the API, as its documentation has it.
pub const ADDRESS: &str = "https://api.linode.com/v4";

/// Tries a request again, as its [`RetryPolicy`] says, when the API gave no answer.
#[derive(Debug, Clone)]
pub struct ApiClient {
    agent: ureq::Agent,
    address: String,
    token: Token,
    policy: RetryPolicy,
    clock: Rc<dyn Clock>,
}

/// What an interrupt does to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnInterrupt {
    Stop,
    /// The request is finished first: for cleaning up, and for steps that must not be left half done.
    Finish,
}

impl ApiClient {
    /// A client with the token of the environment. The API's address is `address`, else
    /// that in `LINODE_API_URL`, else [`ADDRESS`].
    ///
    /// # Errors
    /// When there is no token, or the address cannot be used: see [`ApiClient::new`].
    pub fn from_environment(address: Option<&str>) -> Result<Self, LinodeError> {
        let from_variable = env::var("LINODE_API_URL").ok().filter(|value| !value.is_empty());
        let address = address.or(from_variable.as_deref()).unwrap_or(ADDRESS);
        Self::new(address, Token::from_environment()?, RetryPolicy::default(), Rc::new(SystemClock::default()))
    }

    /// A client of the API at `address`. It makes no connection yet.
    ///
    /// # Errors
    /// When `address` is not a URL, or the token would travel over the network without encryption.
    pub fn new(address: &str, token: Token, policy: RetryPolicy, clock: Rc<dyn Clock>) -> Result<Self, LinodeError> {
        let address = address.trim_end_matches('/').to_owned();
        if let Err(reason) = check_address(&address) {
            return Err(LinodeError::ApiAddress { address, reason });
        }
        let patience = Patience { connect: policy.connect, stall: policy.stall };
        let settings = http::settings_for(&address, patience).max_redirects(0).timeout_recv_body(Some(policy.answer));
        Ok(Self { agent: ureq::Agent::new_with_config(settings.build()), address, token, policy, clock })
    }

    pub(in crate::linode) fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    pub(in crate::linode) fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    pub(in crate::linode) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(super) fn token(&self) -> &Token {
        &self.token
    }

    /// A shell command that deletes what is at `path`. It takes the token from the environment of the shell, so that the
    /// token appears in no process's arguments.
    pub fn delete_command(&self, path: &str) -> String {
        let (variable, address) = (self.token.variable(), &self.address);
        format!("printf 'Authorization: Bearer %s' \"${variable}\" | curl -fsS -X DELETE -H @- {address}{path}")
    }

    /// Sends a request until there is an answer. A request that must not be carried out twice is repeated only if it
    /// cannot have reached the API.
    ///
    /// # Errors
    /// When the API refuses or cannot be reached, or the user interrupts.
    pub(super) fn send(&self, request: &ApiRequest) -> Result<ApiResponse, LinodeError> {
        self.repeat(request, OnInterrupt::Stop)
    }

    /// Sends a request until there is an answer, even after an interrupt: for cleaning up. After an interrupt
    /// there is only one attempt.
    ///
    /// # Errors
    /// When the API refuses or cannot be reached.
    pub(super) fn send_to_end(&self, request: &ApiRequest) -> Result<ApiResponse, LinodeError> {
        self.repeat(request, OnInterrupt::Finish)
    }

    fn repeat(&self, request: &ApiRequest, on_interrupt: OnInterrupt) -> Result<ApiResponse, LinodeError> {
        let (mut failures, mut deferrals, mut refusals) = (0_u32, 0_u32, 0_u32);
        let (action, idempotent) = (request.action, request.method.is_idempotent());
        loop {
            let interrupted = interrupt::requested();
            if interrupted && on_interrupt == OnInterrupt::Stop {
                return Err(Interrupted.into());
            }
            let can_be_left = idempotent && on_interrupt == OnInterrupt::Stop;
            let failure = match if can_be_left { self.interruptible_attempt(request) } else { self.attempt(request) } {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let pause = match failure {
                RequestFailure::Lasting(error) => return Err(error),
                RequestFailure::Deferred(pause) => {
                    deferrals = deferrals.saturating_add(1);
                    if interrupted || deferrals > self.policy.deferrals || pause > self.policy.longest_deferral {
                        return Err(LinodeError::TooManyRequests { action, seconds: pause.as_secs() });
                    }
                    pause
                }
                RequestFailure::Busy(error) => {
                    refusals = refusals.saturating_add(1);
                    if interrupted || refusals >= self.policy.busy_attempts {
                        return Err(error);
                    }
                    self.policy.pause_after(refusals)
                }
                RequestFailure::Passing { reason, reached } => {
                    failures = failures.saturating_add(1);
                    let again = idempotent || reached == Reached::Never;
                    if interrupted || !again || failures >= self.policy.attempts {
                        return Err(LinodeError::Network { action, attempts: failures, reason });
                    }
                    self.policy.pause_after(failures)
                }
            };
            match on_interrupt {
                OnInterrupt::Stop => self.clock.sleep(pause)?,
                OnInterrupt::Finish => self.clock.rest(pause),
            }
        }
    }

    fn attempt(&self, request: &ApiRequest) -> Result<ApiResponse, RequestFailure> {
        let exchanged = exchange(&self.agent, self.http_request(request)?);
        judge(request, exchanged, &self.token, &self.policy)
    }

    /// An attempt that an interrupt ends at once. Only for requests that can be repeated.
    fn interruptible_attempt(&self, request: &ApiRequest) -> Result<ApiResponse, RequestFailure> {
        let (agent, http_request) = (self.agent.clone(), self.http_request(request)?);
        match interruptible(move || exchange(&agent, http_request)) {
            Ok(exchanged) => judge(request, exchanged, &self.token, &self.policy),
            Err(_) if interrupt::requested() => Err(RequestFailure::Lasting(Interrupted.into())),
            Err(error) => Err(RequestFailure::Passing { reason: error.to_string(), reached: Reached::Perhaps }),
        }
    }

    fn http_request(&self, request: &ApiRequest) -> Result<Request<String>, RequestFailure> {
        let url = format!("{}{}", self.address, request.path);
        let mut http_request = Request::builder().method(request.method.clone()).uri(&url);
        if let Some(token) = self.token.header() {
            http_request = http_request.header(AUTHORIZATION, token);
        }
        if let Some(filter) = request.filter {
            http_request = http_request.header("X-Filter", filter);
        }
        if request.body.is_some() {
            http_request = http_request.header(CONTENT_TYPE, "application/json");
        }
        let body = request.body.clone().unwrap_or_default();
        http_request.body(body).map_err(|_| {
            RequestFailure::Lasting(LinodeError::ApiAddress {
                address: url,
                reason: "it has characters that no URL has",
            })
        })
    }
}

/// Checks that something secret may be sent to an address: over TLS, or without leaving this machine.
///
/// # Errors
/// The reason, as a clause.
pub(in crate::linode) fn check_address(address: &str) -> Result<(), &'static str> {
    let uri: Uri = address.parse().map_err(|_| "it is not a URL")?;
    uri.host().ok_or("it has no host")?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if http::is_this_machine(address) => Ok(()),
        Some("http") => Err("without https, others on the network could read the token"),
        _ => Err("it does not begin with https://"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use ureq::http::Method;

    use super::*;

    #[test]
    fn an_answer_without_end_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v4", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
            }
        });
        let answer = Duration::from_secs(1);
        let policy = RetryPolicy { stall: Duration::from_secs(60), answer, attempts: 1, ..RetryPolicy::default() };
        let token = Token::new("0123456789abcdef".to_owned(), "LINODE_TOKEN").unwrap();
        let client = ApiClient::new(&address, token, policy, Rc::new(SystemClock::default())).unwrap();
        let request = ApiRequest::new(Method::GET, "/images", "list the images", "images:read_only");
        let error = client.send(&request).unwrap_err();
        assert!(
            matches!(&error, LinodeError::Network { attempts: 1, reason, .. } if reason.contains("timeout")),
            "{error}"
        );
    }

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
}
