//! Linode in memory, over HTTP on the loopback interface: the part of its API, and of the object storage behind it,
//! that has to do with images. It does what the specification says, and what the tests ask for besides.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A request with that method is told so many times to wait a second.
    TooMany(&'static str, u32),
    /// A request with that method is answered 503 so many times.
    Unavailable(&'static str, u32),
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
    /// An image cannot be deleted.
    DeleteFails,
    /// Every refusal repeats the request, token and all.
    Echoes,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

struct Stored {
    number: u32,
    made: Value,
    file: Option<Vec<u8>>,
    /// How often it was looked at since the file arrived.
    looks: u32,
}

#[derive(Default)]
struct State {
    token: String,
    scopes: Option<String>,
    images: Vec<Stored>,
    events: Vec<Value>,
    faults: Vec<Fault>,
    seen: Vec<Seen>,
    made: u32,
    longest_page: usize,
}

/// A running Linode. It ends with the test's process.
pub struct Api {
    /// `127.0.0.1:PORT`
    pub host: String,
    state: Arc<Mutex<State>>,
}

/// The secret part of the addresses that take files.
pub const SIGNATURE: &str = "X-Amz-Signature=5e0a1c";

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
                thread::spawn(move || serve(&stream, &host, &state));
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

    pub fn set_faults(&self, faults: &[Fault]) {
        self.state().faults = faults.to_vec();
    }

    /// The images that are there, as the API shows them.
    pub fn images(&self) -> Vec<Value> {
        self.state().images.iter().map(show).collect()
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
}

/// Status, further headers, content type, body.
struct Answer(u16, String, &'static str, String);

fn answer_json(status: u16, body: &Value) -> Answer {
    Answer(status, String::new(), "application/json", body.to_string())
}

fn error(status: u16, reason: &str, field: Option<&str>) -> Answer {
    let error = match field {
        Some(field) => json!({"reason": reason, "field": field}),
        None => json!({"reason": reason}),
    };
    answer_json(status, &json!({"errors": [error]}))
}

/// What S3 answers (its API Reference, Error Responses); the request's own address is in it.
fn storage_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message>\
         <Resource>/upload?{SIGNATURE}</Resource></Error>"
    );
    Answer(status, String::new(), "application/xml", body)
}

fn serve(stream: &TcpStream, host: &str, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut seen = Seen { method, path, headers, body: Vec::new() };
    let refusal = if seen.method == "PUT" { refuse_put(&seen, &mut state.lock().unwrap()) } else { None };
    if refusal.is_none() {
        if seen.headers.get("expect").is_some_and(|expected| expected == "100-continue") {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let cut = seen.method == "PUT"
            && count_down(&mut state.lock().unwrap(), |fault| match fault {
                Fault::PutCut(times) => Some(times),
                _ => None,
            });
        let wanted = if cut { length / 2 } else { length };
        reader.by_ref().take(wanted as u64).read_to_end(&mut seen.body).ok()?;
        if cut {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            seen.body.clear();
            state.lock().unwrap().seen.push(seen);
            return None;
        }
    }
    let mut answer = match refusal {
        Some(answer) => answer,
        None => respond(&seen, host, &mut state.lock().unwrap()),
    };
    let (faults, scopes) = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen.clone());
        (state.faults.clone(), state.scopes.clone())
    };
    if seen.method == "PUT" && faults.contains(&Fault::PutStalls) {
        thread::sleep(Duration::from_secs(60));
    }
    if seen.method == "PUT" && faults.contains(&Fault::PutAnswerLost) {
        return stream.shutdown(std::net::Shutdown::Both).ok();
    }
    if answer.0 >= 400 && faults.contains(&Fault::Echoes) {
        answer.3 = format!("{} {} {:?}", seen.method, seen.path, seen.headers);
    }
    let Answer(status, extra, kind, body) = answer;
    let scopes = scopes.map(|scopes| format!("X-OAuth-Scopes: {scopes}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\n{extra}{scopes}");
    let head = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    (&mut &*stream).write_all(head.as_bytes()).ok()?;
    (&mut &*stream).write_all(body.as_bytes()).ok()
}

/// Whether a fault with a number has one left, which is then taken.
fn count_down(state: &mut State, pick: impl Fn(&mut Fault) -> Option<&mut u32>) -> bool {
    for left in state.faults.iter_mut().filter_map(pick) {
        if *left > 0 {
            *left -= 1;
            return true;
        }
    }
    false
}

/// The object storage looks at the address and the head before it takes the file.
fn refuse_put(seen: &Seen, state: &mut State) -> Option<Answer> {
    let header = |name: &str| seen.headers.get(name).map(String::as_str);
    if state.faults.contains(&Fault::PutRefused) {
        return Some(storage_error(403, "AccessDenied", "Request has expired"));
    }
    let signed = seen.path.ends_with(&format!("?{SIGNATURE}"));
    if !signed || header("authorization").is_some() {
        return Some(storage_error(403, "AccessDenied", "Only one auth mechanism allowed"));
    }
    if header("content-length").is_none() || header("transfer-encoding").is_some() {
        return Some(storage_error(411, "MissingContentLength", "You must provide the Content-Length HTTP header."));
    }
    if header("content-type") != Some("application/octet-stream") {
        return Some(storage_error(403, "SignatureDoesNotMatch", "The Content-Type is not the one that was signed."));
    }
    None
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
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let taken_at_once = state.faults.contains(&Fault::PutAnswerLost);
    if let Some(number) = path.strip_prefix("/upload/").filter(|_| seen.method == "PUT") {
        let found = state.images.iter_mut().find(|image| image.number.to_string() == number);
        return match found {
            // The address can be used again until Linode has taken the file.
            Some(image) if image.looks < 2 => {
                image.file = Some(seen.body.clone());
                image.looks = u32::from(taken_at_once);
                Answer(200, String::new(), "text/plain", String::new())
            }
            _ => storage_error(403, "AccessDenied", "The address was used before"),
        };
    }
    let Some(path) = path.strip_prefix("/v4") else { return error(404, "Not found", None) };
    if (seen.method.as_str(), path) == ("GET", "/regions") {
        return page(&regions(), query, state.longest_page);
    }
    if seen.headers.get("authorization") != Some(&format!("Bearer {}", state.token)) {
        return error(401, "Invalid Token", None);
    }
    match (seen.method.as_str(), path) {
        ("POST", "/images/upload") => create(seen, host, state),
        ("GET", "/images") => {
            // Linode's public images are in the list unless it is filtered.
            let public = json!({"id": "linode/debian13", "label": "Debian 13", "status": "available", "size": 1500,
                "is_public": true, "description": "", "tags": [], "created": "2025-08-14T22:44:02", "regions": []});
            let filter = seen.headers.get("x-filter").cloned().unwrap_or_default();
            let own_only = serde_json::from_str::<Value>(&filter).is_ok_and(|filter| filter["is_public"] == false);
            let shown = (!own_only).then_some(public).into_iter().chain(state.images.iter().map(show));
            page(&shown.collect::<Vec<_>>(), query, state.longest_page)
        }
        ("GET", "/account/events") if state.faults.contains(&Fault::EventsForbidden) => {
            error(401, "Your OAuth token is not authorized to use this endpoint.", None)
        }
        ("GET", "/account/events") => page(&state.events, query, 500),
        (method, path) => match path.strip_prefix("/images/private/").and_then(|number| number.parse().ok()) {
            Some(number) => one(method, number, state),
            None => error(404, "Not found", None),
        },
    }
}

fn create(seen: &Seen, host: &str, state: &mut State) -> Answer {
    let scopes = state.scopes.clone().unwrap_or("*".to_owned());
    if scopes != "*" && !scopes.contains("images:read_write") {
        return error(401, "Your OAuth token is not authorized to use this endpoint.", None);
    }
    if seen.headers.get("content-type").map(String::as_str) != Some("application/json") {
        return error(415, "Unsupported Media Type", None);
    }
    for fault in &state.faults {
        if let Fault::Refuses(reason, field) = fault {
            return error(400, reason, Some(field));
        }
    }
    let Ok(made) = serde_json::from_slice::<Value>(&seen.body) else { return error(400, "Malformed JSON", None) };
    let known = ["label", "region", "description", "cloud_init", "tags"];
    if let Some(field) = made.as_object().and_then(|made| made.keys().find(|key| !known.contains(&key.as_str()))) {
        return error(400, "is not a field of this request", Some(field));
    }
    let label = made["label"].as_str().unwrap_or_default();
    if label.is_empty() || label.chars().count() > 50 {
        return error(400, "Length must be 1-50 characters", Some("label"));
    }
    let region = made["region"].as_str().unwrap_or_default();
    if !regions().iter().any(|known| known["id"] == region) {
        return error(400, "region is not valid", Some("region"));
    }
    let tags = made["tags"].as_array().cloned().unwrap_or_default();
    if tags.iter().any(|tag| !(3..=100).contains(&tag.as_str().unwrap_or_default().chars().count())) {
        return error(400, "Length must be 3-100 characters", Some("tags"));
    }
    state.made += 1;
    let number = 14 + state.made;
    let image = Stored { number, made, file: None, looks: 0 };
    let answer = json!({"image": show(&image), "upload_to": format!("http://{host}/upload/{number}?{SIGNATURE}")});
    state.images.push(image);
    answer_json(200, &answer)
}

fn one(method: &str, number: u32, state: &mut State) -> Answer {
    let place = state.images.iter().position(|image| image.number == number);
    let Some(place) = place else { return error(404, "Not found", None) };
    match method {
        "DELETE" if state.faults.contains(&Fault::DeleteFails) => error(400, "The image is in use", None),
        "DELETE" => {
            state.images.remove(place);
            answer_json(200, &json!({}))
        }
        "GET" => {
            let never_done = state.faults.contains(&Fault::NeverDone);
            let image = &mut state.images[place];
            if image.file.is_some() && !(never_done && image.looks == 2) {
                image.looks += 1;
            }
            let (shown, looks) = (show(image), image.looks);
            let vanishes = state.faults.iter().find_map(|fault| match fault {
                Fault::Vanishes(reason) => Some(*reason),
                _ => None,
            });
            if let Some(reason) = vanishes.filter(|_| looks > 2) {
                state.events.insert(
                    0,
                    json!({"id": 1, "action": "image_upload", "status": "failed", "message": reason,
                    "created": "2026-11-23T04:00:00", "entity": {"id": number, "type": "image", "label": "x",
                    "url": format!("/v4/images/private/{number}")}}),
                );
                state.images.remove(place);
                return error(404, "Not found", None);
            }
            answer_json(200, &shown)
        }
        _ => error(405, "Method Not Allowed", None),
    }
}

/// An image with all the fields that the specification gives it.
fn show(image: &Stored) -> Value {
    let status = match (&image.file, image.looks) {
        (None, _) | (Some(_), 0 | 1) => "pending_upload",
        (Some(_), 2) => "creating",
        (Some(_), _) => "available",
    };
    let capabilities = if image.made["cloud_init"] == true { json!(["cloud-init"]) } else { json!([]) };
    let size = if status == "available" { 64 } else { 0 };
    json!({
        "id": format!("private/{}", image.number), "label": image.made["label"], "status": status, "size": size,
        "total_size": size, "description": image.made["description"].as_str().unwrap_or_default(), "vendor": null,
        "tags": image.made["tags"].as_array().cloned().unwrap_or_default(), "capabilities": capabilities,
        "regions": [{"region": image.made["region"], "status": "available"}], "created": "2026-11-23T04:00:00",
        "updated": "2026-11-23T04:00:00", "created_by": "somebody", "deprecated": false, "eol": null, "expiry": null,
        "is_public": false, "is_shared": false, "image_sharing": null, "type": "manual",
    })
}

fn regions() -> Vec<Value> {
    let region = |id: &str, site_type: &str, capabilities: &[&str]| {
        let country = &id[..2];
        json!({"id": id, "label": id, "country": country, "site_type": site_type, "status": "ok",
            "capabilities": capabilities})
    };
    vec![
        region("us-east", "core", &["Linodes", "Object Storage", "Metadata"]),
        region("nl-ams", "core", &["Linodes", "Object Storage"]),
        region("ca-central", "core", &["Linodes"]),
        region("us-den-1", "distributed", &["Linodes"]),
    ]
}

fn page(all: &[Value], query: &str, longest: usize) -> Answer {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let size = parameter("page_size").unwrap_or(100);
    if !(25..=500).contains(&size) {
        return error(400, "Must be 25-500", Some("page_size"));
    }
    let (size, number) = (size.min(longest), parameter("page").unwrap_or(1).max(1));
    let data: Vec<&Value> = all.iter().skip((number - 1) * size).take(size).collect();
    let pages = all.len().div_ceil(size).max(1);
    answer_json(200, &json!({"data": data, "page": number, "pages": pages, "results": all.len()}))
}
