//! A visitor with cookies, as curl: asks for pages, fills in forms, follows redirections.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::container::LIMIT;
use crate::run;

/// A visitor of one site. What the site gives as cookies is sent back.
pub struct Browser {
    site: String,
    /// HOST:PORT that each name leads to.
    address: String,
    cookies: NamedTempFile,
}

impl Browser {
    /// A visitor of the site at HOST:PORT.
    pub fn new(address: &str) -> Self {
        Self::by_name(address, address)
    }

    /// The same, by a name that leads to HOST:PORT.
    pub fn by_name(name: &str, address: &str) -> Self {
        Self { site: format!("http://{name}"), address: address.to_owned(), cookies: NamedTempFile::new().unwrap() }
    }

    /// The value of curl's option `--connect-to` by which the site's name leads to the site.
    pub fn way(&self) -> String {
        format!("::{}", self.address)
    }

    /// `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site)
    }

    /// The status and the body of a page, after redirections; with further arguments of curl.
    #[track_caller]
    pub fn ask(&self, path: &str, further: &[&str]) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-m", "60", "-L", "--compressed", "-w", "\n%{http_code}", "--connect-to", &self.way()]);
        curl.arg("-b").arg(self.cookies.path()).arg("-c").arg(self.cookies.path());
        let answer = run(curl.args(further).arg(self.url(path)));
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// A page that is there.
    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        let (status, body) = self.ask(path, &[]);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Sends a form to a path, and returns the page that it leads to.
    #[track_caller]
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut arguments: Vec<&str> = fields.iter().flat_map(|field| ["--data-urlencode", field.as_str()]).collect();
        let referer = self.url(path);
        arguments.extend(["-e", &referer]);
        let (status, body) = self.ask(path, &arguments);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Fills in the form of a page: its hidden fields of that name are sent along, which protect it from other sites.
    #[track_caller]
    pub fn submit(&self, page: &str, token: &str, fields: &[(&str, &str)]) -> String {
        let value = hidden(&self.get(page), token);
        let mut all = vec![(token, value.as_str())];
        all.extend(fields);
        self.post(page, &all)
    }

    /// Logs in as `ada` by Django's form, and returns the page that comes next.
    #[track_caller]
    pub fn log_in(&self, form: &str, next: &str) -> String {
        let fields = [("username", "ada"), ("password", "correct-horse"), ("next", next)];
        self.submit(form, "csrfmiddlewaretoken", &fields)
    }

    /// Asks for a page until it has these words: something else puts them there.
    #[track_caller]
    pub fn wait_for(&self, path: &str, words: &str) {
        let begin = Instant::now();
        loop {
            let page = self.get(path);
            if page.contains(words) {
                return;
            }
            assert!(begin.elapsed() < LIMIT, "{path} does not say {words}: {page}");
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// The value of the first field of that name in a page.
#[track_caller]
pub fn hidden(page: &str, name: &str) -> String {
    let tags = page.split('<').filter(|tag| tag.starts_with("input"));
    let attribute = |tag: &str, attribute: &str| {
        let (_, rest) = tag.split_once(&format!("{attribute}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let mut fields = tags.filter(|tag| attribute(tag, " name").is_some_and(|found| found == name));
    fields.find_map(|tag| attribute(tag, " value")).unwrap_or_else(|| panic!("no field {name} in {page}"))
}
