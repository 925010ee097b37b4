//! Probes of a machine's site through the forwarded port: what a browser would get, and whether that is well.

use serde::Serialize;

use crate::system::http::Page;

/// A page that is asked for, and the answers that are well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePage {
    path: String,
    /// The lowest status that is not.
    too_high: u16,
}

impl SitePage {
    /// The page of the health check, which answers 200.
    pub fn health(path: &str) -> Self {
        Self { path: path.to_owned(), too_high: 201 }
    }

    /// The first page. Whatever the application answers is well: an API may have no such page. From 500 on, nginx says that
    /// there is no application.
    pub fn first_page() -> Self {
        Self { path: "/".to_owned(), too_high: 500 }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn accepts(&self, status: u16) -> bool {
        (200..self.too_high).contains(&status)
    }
}

/// What came of one probe.
#[derive(Debug, Clone, Serialize)]
pub struct Probe {
    /// The path that was asked for.
    pub path: String,
    /// Whether it answered in time, and as it has to.
    pub ok: bool,
    /// The answer's first line, or what was wrong.
    pub detail: String,
}

impl Probe {
    /// The verdict on what came of asking for it.
    pub fn judge(page: &SitePage, outcome: Result<Page, String>) -> Self {
        let (ok, detail) = match outcome {
            Ok(Page { status: 200, body }) => (true, body.lines().next().unwrap_or_default().to_owned()),
            Ok(Page { status, body }) => {
                let first_line = body.lines().next().unwrap_or_default();
                (page.accepts(status), format!("status {status}: {first_line}"))
            }
            Err(reason) => (false, reason),
        };
        Self { path: page.path.clone(), ok, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_without_a_first_page_is_well_and_nginx_alone_is_not() {
        let verdict = |page: &SitePage, status| Probe::judge(page, Ok(Page { status, body: String::new() })).ok;
        let (first, health) = (SitePage::first_page(), SitePage::health("/healthz"));
        assert!([200, 302, 401, 404].iter().all(|status| verdict(&first, *status)));
        assert!(![502, 503, 504].iter().any(|status| verdict(&first, *status)));
        assert!(verdict(&health, 200) && !verdict(&health, 404) && !verdict(&health, 503));
    }
}
