//! Probes of a machine's site through the forwarded port: what a browser would get, and whether that is well.

use serde::Serialize;

use crate::system::http::Page;

/// What is asked for when nothing says what the stack answers: the first page, and the page of the health check by default.
pub const PATHS: [&str; 2] = ["/", "/healthz"];

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

impl Probe {
    /// The verdict on what came of asking for `path`.
    pub fn judge(path: &str, outcome: Result<Page, String>) -> Self {
        let (ok, detail) = match outcome {
            Ok(Page { status: 200, body }) => (true, body.lines().next().unwrap_or_default().to_owned()),
            Ok(Page { status, body }) => {
                (false, format!("status {status}: {}", body.lines().next().unwrap_or_default()))
            }
            Err(reason) => (false, reason),
        };
        Self { path: path.to_owned(), ok, detail }
    }
}
