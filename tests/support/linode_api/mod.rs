//! Linode in memory, over HTTP on the loopback interface: the part of its API, and of the object storage behind
//! it, that has to do with images and the instances made of them. It does what the specification says, and what
//! the tests ask for besides.

mod account;
mod catalogue;
mod firewalls;
mod http;
mod images;
mod instance_checks;
mod instances;
mod machines;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::Value;

pub use account::{Account, Interfaces};
use http::{Answer, count_down, error};
pub use images::SIGNATURE;
pub use machines::{Machines, Started};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A request with that method is told so many times to wait a second.
    TooMany(&'static str, u32),
    /// A request with that method is answered 503 so many times.
    Unavailable(&'static str, u32),
    /// A request with that method, or a POST whose path has that end, is answered with that status so many times.
    Answers(&'static str, u16, u32),
    /// Such a request is refused so many times because the Linode is busy: it is not carried out.
    Busy(&'static str, u32),
    /// Such a request is carried out so many times without an answer: the connection ends.
    Dropped(&'static str, u32),
    /// The connection ends so many times before such a request is carried out.
    Cut(&'static str, u32),
    /// The image cannot be made: a reason about a field.
    Refuses(&'static str, &'static str),
    /// The object storage answers 403, with its XML, before it has the file.
    PutRefused,
    /// The connection is closed in the middle of the file, so many times.
    PutCut(u32),
    /// The file arrives, but the answer does not.
    PutAnswerLost,
    /// The file arrives, and no answer comes for a long time.
    PutStalls,
    /// The image is gone after it has been created for a while; the event says this.
    Vanishes(&'static str),
    /// The token may not read events.
    EventsForbidden,
    /// It is `creating` for ever.
    NeverDone,
    /// Nothing can be deleted.
    DeleteFails,
    /// The API is too old to know `kernel` when an instance is made.
    NoKernelField,
    /// The API accepts `kernel` and ignores it.
    IgnoresKernel,
    /// So many instances, and the account has no more.
    InstanceLimit(usize),
    /// The next instance is made, but the answer does not arrive.
    CreateAnswerLost(u32),
    /// An instance's site never answers.
    SiteSilent,
    /// An instance's site answers 503.
    SiteSick,
    /// Every refusal repeats the request, token and all.
    Echoes,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Seen {
    /// Whether a fault is about it: about its method, or about a POST whose path has that end.
    pub fn is(&self, what: &str) -> bool {
        self.method == what || (what.starts_with('/') && self.method == "POST" && self.path.ends_with(what))
    }
}

#[derive(Default)]
pub struct State {
    token: String,
    scopes: Option<String>,
    account: Account,
    images: Vec<images::Stored>,
    instances: Vec<instances::Linode>,
    firewalls: Vec<firewalls::Firewall>,
    machines: Machines,
    events: Vec<Value>,
    faults: Vec<Fault>,
    seen: Vec<Seen>,
    /// How many images were made, from which their ids follow.
    made: u32,
    /// Other things made so far.
    numbers: u32,
    longest_page: usize,
}

impl State {
    /// A refusal, unless the token has the scope or the one that includes it.
    fn refuse_scope(&self, scope: &str) -> Option<Answer> {
        let scopes = self.scopes.as_deref().unwrap_or("*");
        let has = |own: &str| own == "*" || own == scope || own == scope.replace("read_only", "read_write");
        let suffices = scopes.split(' ').any(has);
        (!suffices).then(|| error(401, "Your OAuth token is not authorized to use this endpoint.", None))
    }

    /// The next number of an instance or a firewall.
    fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        1000 + self.numbers
    }
}

/// A request to the API itself.
struct Call<'a> {
    method: &'a str,
    /// What follows the version, `/v4`, in the URL's path.
    path: &'a str,
    query: &'a str,
    seen: &'a Seen,
    host: &'a str,
}

impl Call<'_> {
    /// The body, if it is JSON that has no other fields than these.
    fn body(&self, known: &[&str]) -> Result<Value, Answer> {
        if self.seen.headers.get("content-type").map(String::as_str) != Some("application/json") {
            return Err(error(415, "Unsupported Media Type", None));
        }
        let Ok(body) = serde_json::from_slice::<Value>(&self.seen.body) else {
            return Err(error(400, "Malformed JSON", None));
        };
        match body.as_object().and_then(|body| body.keys().find(|key| !known.contains(&key.as_str()))) {
            Some(field) => Err(error(400, "is not a field of this request", Some(field))),
            None => Ok(body),
        }
    }

    /// What is asked of a list.
    fn filter(&self) -> Value {
        let text = self.seen.headers.get("x-filter").map_or("{}", String::as_str);
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// A running Linode. It ends with the test's process.
pub struct Api {
    /// `127.0.0.1:PORT`
    pub host: String,
    state: Arc<Mutex<State>>,
}

impl Api {
    pub fn start(token: &str, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = State { token: token.to_owned(), faults: faults.to_vec(), longest_page: 500, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = (host.clone(), Arc::clone(&state));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (host, state) = shared.clone();
                // A client that goes away in the middle is what some tests are about.
                thread::spawn(move || http::serve(&stream, &host, &state));
            }
        });
        Self { host, state }
    }

    pub fn address(&self) -> String {
        format!("http://{}/v4", self.host)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on every answer tells the token's scopes.
    pub fn tell_scopes(&self, scopes: &str) {
        self.state().scopes = Some(scopes.to_owned());
    }

    /// Lists come in pages of this length.
    pub fn limit_pages(&self, length: usize) {
        self.state().longest_page = length;
    }

    /// How the account is set up.
    pub fn set_account(&self, account: Account) {
        self.state().account = account;
    }

    /// Changes a firewall as its owner would: `enabled` or `disabled`, and the rules for what comes in.
    pub fn set_firewall(&self, id: u64, status: &'static str, inbound: Value) {
        let mut state = self.state();
        let firewall = state.firewalls.iter_mut().find(|firewall| u64::from(firewall.id) == id).unwrap();
        firewall.change(status, inbound);
    }

    /// An instance loses its tags, as those that an older version made have none of some.
    pub fn set_tags(&self, label: &str, tags: &[&str]) {
        let mut state = self.state();
        let linode = state.instances.iter_mut().find(|linode| linode.made["label"] == label).unwrap();
        linode.made["tags"] = serde_json::json!(tags);
    }

    pub fn set_faults(&self, faults: &[Fault]) {
        self.state().faults = faults.to_vec();
    }

    /// The images that are there, as the API shows them.
    pub fn images(&self) -> Vec<Value> {
        self.state().images.iter().map(images::show).collect()
    }

    /// The file that was received for an image.
    pub fn file(&self, id: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.images.iter().find(|image| id == format!("private/{}", image.number)).and_then(|image| image.file.clone())
    }

    /// The requests with that method so far.
    pub fn seen(&self, method: &str) -> Vec<Seen> {
        self.state().seen.iter().filter(|seen| seen.method == method).cloned().collect()
    }

    /// What stands for the instances from now on.
    pub fn set_machines(&self, machines: Machines) {
        self.state().machines = machines;
    }

    /// The instances that are there, as the API shows them.
    pub fn instances(&self) -> Vec<Value> {
        self.state().instances.iter().map(instances::Linode::show).collect()
    }

    /// The kernel that an instance is configured with.
    pub fn kernel(&self, label: &str) -> String {
        let state = self.state();
        state.instances.iter().find(|linode| linode.made["label"] == label).unwrap().kernel.clone()
    }

    /// What cloud-init would find as the user data of the instance with that label.
    pub fn user_data(&self, label: &str) -> String {
        let state = self.state();
        let linode = state.instances.iter().find(|linode| linode.made["label"] == label).unwrap();
        String::from_utf8(linode.user_data.clone()).unwrap()
    }

    /// The firewalls that are there, as the API shows them.
    pub fn firewalls(&self) -> Vec<Value> {
        self.state().firewalls.iter().map(firewalls::Firewall::show).collect()
    }

    /// The paths of the requests with that method so far, behind the version.
    pub fn paths(&self, method: &str) -> Vec<String> {
        self.seen(method).iter().map(|seen| seen.path.trim_start_matches("/v4").to_owned()).collect()
    }

    /// All requests so far, in their order: `GET /images`.
    pub fn all_paths(&self) -> Vec<String> {
        let path = |seen: &Seen| seen.path.split('?').next().unwrap_or_default().trim_start_matches("/v4").to_owned();
        self.state().seen.iter().map(|seen| format!("{} {}", seen.method, path(seen))).collect()
    }
}

fn respond(seen: &Seen, host: &str, state: &mut State) -> Answer {
    let put_off = count_down(state, |fault| match fault {
        Fault::TooMany(method, times) if *method == seen.method => Some(times),
        _ => None,
    });
    if put_off {
        let Answer(status, _, kind, body) = error(429, "Too many requests", None);
        return Answer(status, "Retry-After: 1\r\n".to_owned(), kind, body);
    }
    let unavailable = count_down(state, |fault| match fault {
        Fault::Unavailable(method, times) if *method == seen.method => Some(times),
        _ => None,
    });
    if unavailable {
        return Answer(503, String::new(), "text/html", "<h1>Service Unavailable</h1>".to_owned());
    }
    let busy = count_down(state, |fault| match fault {
        Fault::Busy(what, times) if seen.is(what) => Some(times),
        _ => None,
    });
    for (status, left) in state.faults.iter_mut().filter_map(|fault| match fault {
        Fault::Answers(what, status, times) if seen.is(what) => Some((*status, times)),
        _ => None,
    }) {
        if *left > 0 {
            *left -= 1;
            return Answer(status, String::new(), "text/html", "<h1>Sorry</h1>".to_owned());
        }
    }
    if busy {
        return error(400, "Linode busy.", None);
    }
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    if let Some(number) = path.strip_prefix("/upload/").filter(|_| seen.method == "PUT") {
        return images::put(number, seen, state);
    }
    let Some(path) = path.strip_prefix("/v4") else { return error(404, "Not found", None) };
    let call = Call { method: &seen.method, path, query, seen, host };
    if let Some(answer) = catalogue::route(&call, state.longest_page) {
        return answer;
    }
    if seen.headers.get("authorization") != Some(&format!("Bearer {}", state.token)) {
        return error(401, "Invalid Token", None);
    }
    let answer = account::route(&call, state).or_else(|| images::route(&call, state));
    let answer = answer.or_else(|| instances::route(&call, state));
    answer.or_else(|| firewalls::route(&call, state)).unwrap_or_else(|| error(404, "Not found", None))
}
