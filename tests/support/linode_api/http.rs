//! HTTP/1.1 for one request a connection, and what the tests want to go wrong on the way.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Fault, Seen, State, images, respond};

/// Status, further headers, content type, body.
pub struct Answer(pub u16, pub String, pub &'static str, pub String);

pub fn answer_json(status: u16, body: &Value) -> Answer {
    Answer(status, String::new(), "application/json", body.to_string())
}

pub fn error(status: u16, reason: &str, field: Option<&str>) -> Answer {
    let error = match field {
        Some(field) => json!({"reason": reason, "field": field}),
        None => json!({"reason": reason}),
    };
    answer_json(status, &json!({"errors": [error]}))
}

/// One page of a list.
pub fn page(all: &[Value], query: &str, longest: usize) -> Answer {
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

pub fn serve(stream: &TcpStream, host: &str, state: &Mutex<State>) -> Option<()> {
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
    let is_file = seen.method == "PUT" && seen.path.starts_with("/upload/");
    let refusal = if is_file { images::refuse_put(&seen, &mut state.lock().unwrap()) } else { None };
    if refusal.is_none() {
        if seen.headers.get("expect").is_some_and(|expected| expected == "100-continue") {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let cut = is_file
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
    let cut = count_down(&mut state.lock().unwrap(), |fault| match fault {
        Fault::Cut(what, times) if seen.is(what) => Some(times),
        _ => None,
    });
    if cut {
        state.lock().unwrap().seen.push(seen);
        return stream.shutdown(std::net::Shutdown::Both).ok();
    }
    let mut answer = match refusal {
        Some(answer) => answer,
        None => respond(&seen, host, &mut state.lock().unwrap()),
    };
    let dropped = count_down(&mut state.lock().unwrap(), |fault| match fault {
        Fault::Dropped(what, times) if seen.is(what) => Some(times),
        _ => None,
    });
    if dropped {
        state.lock().unwrap().seen.push(seen);
        return stream.shutdown(std::net::Shutdown::Both).ok();
    }
    let (faults, scopes) = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen.clone());
        (state.faults.clone(), state.scopes.clone())
    };
    if is_file && faults.contains(&Fault::PutStalls) {
        thread::sleep(Duration::from_secs(60));
    }
    if is_file && faults.contains(&Fault::PutAnswerLost) {
        return stream.shutdown(std::net::Shutdown::Both).ok();
    }
    if answer.0 >= 400 && faults.contains(&Fault::Echoes) {
        // What is secret in a body comes first: no more than the beginning of a refusal is shown.
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        answer.3 = format!("{} {} {} {:?}", seen.method, seen.path, body["metadata"], seen.headers);
    }
    let Answer(status, extra, kind, body) = answer;
    let scopes = scopes.map(|scopes| format!("X-OAuth-Scopes: {scopes}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\n{extra}{scopes}");
    let head = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    (&mut &*stream).write_all(head.as_bytes()).ok()?;
    (&mut &*stream).write_all(body.as_bytes()).ok()
}

/// Whether a fault with a number has one left, which is then taken.
pub fn count_down(state: &mut State, pick: impl Fn(&mut Fault) -> Option<&mut u32>) -> bool {
    for left in state.faults.iter_mut().filter_map(pick) {
        if *left > 0 {
            *left -= 1;
            return true;
        }
    }
    false
}
