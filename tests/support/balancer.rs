//! A balancer in the NodeBalancer's place: a real nginx on the loopback address, and a checker that asks each machine for
//! its health page as the NodeBalancer's active checks do. A machine that fails several checks in a row gets no more
//! requests; one that passes gets them again. nginx itself judges nothing and repeats nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use stackdeb::system::http;

use super::run;

/// Between two checks of a machine.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the answer to a check, or to a request, may take.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// So many failed checks in a row put a machine out.
const ATTEMPTS: u32 = 2;

/// A running balancer; it ends when it is dropped.
pub struct Balancer {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    files: Files,
    nginx: Child,
    /// The machines that get requests.
    inside: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    checker: Option<JoinHandle<()>>,
}

/// nginx's files, and what they have in them.
#[derive(Clone)]
struct Files {
    folder: PathBuf,
    port: u16,
}

impl Balancer {
    /// Balances between the machines whose sites are at these addresses, HOST:PORT.
    pub fn start(folder: &Path, port: u16, machines: &[String]) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        let files = Files { folder: folder.to_owned(), port };
        files.write(0, machines);
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-e").arg(folder.join("error")).arg("-c").arg(folder.join("nginx.conf"));
        let nginx = nginx.spawn().expect("this test needs the package nginx-light");
        files.wait_for(0);
        let (inside, stop) = (Arc::new(Mutex::new(machines.to_vec())), Arc::new(AtomicBool::new(false)));
        let checker =
            Checker { files: files.clone(), pid: nginx.id(), machines: machines.to_vec(), inside: Arc::clone(&inside) };
        let stopped = Arc::clone(&stop);
        let checker = thread::spawn(move || checker.run(&stopped));
        Self { url: format!("http://127.0.0.1:{port}"), files, nginx, inside, stop, checker: Some(checker) }
    }

    /// Waits until just these machines get requests.
    pub fn wait_until_inside(&self, machines: &[String], limit: Duration) {
        let begin = Instant::now();
        while *self.inside.lock().unwrap() != machines {
            assert!(begin.elapsed() < limit, "{:?} get requests, not {machines:?}", self.inside.lock().unwrap());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// GETs a page through it once: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        match http::get(&format!("{}{path}", self.url), None, ANSWER_LIMIT) {
            Ok(answer) => (answer.status, answer.body),
            Err(why) => (0, why),
        }
    }

    /// Which machines the requests for this path went to: their addresses, in order. nginx writes a request down when its
    /// answer is already on the way, so `count` of them are waited for.
    pub fn asked(&self, path: &str, count: usize) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let asked = self.logged(path);
            if asked.len() >= count {
                return asked;
            }
            assert!(begin.elapsed() < ANSWER_LIMIT, "{} requests are logged, not {count}", asked.len());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn logged(&self, path: &str) -> Vec<String> {
        let log = fs::read_to_string(self.files.folder.join("access")).unwrap();
        let fields = log.lines().filter_map(|line| line.split_once(' ')).filter(|(asked, _)| *asked == path);
        fields.map(|(_, upstream)| upstream.to_owned()).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.checker.take().unwrap().join();
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
    }
}

impl Files {
    /// Writes the configuration of this generation.
    fn write(&self, generation: u32, machines: &[String]) {
        let at = self.folder.display();
        let servers: String = machines.iter().map(|address| format!("server {address} max_fails=0; ")).collect();
        let servers = if servers.is_empty() { "server 127.0.0.1:1 down; ".to_owned() } else { servers };
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let folders = folders.map(|kind| format!("{kind}_temp_path {at}/{kind};")).concat();
        let text = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error; events {{}}\n\
             http {{ {folders} log_format upstream '$request_uri $upstream_addr';\n\
             upstream web {{ {servers} }}\n\
             server {{ listen 127.0.0.1:{};\n\
             location = /generation {{ access_log off; return 200 {generation}; }}\n\
             location / {{ access_log {at}/access upstream; proxy_pass http://web; proxy_next_upstream off; }} }} }}\n",
            self.port
        );
        fs::write(self.folder.join("new"), text).unwrap();
        fs::rename(self.folder.join("new"), self.folder.join("nginx.conf")).unwrap();
    }

    /// Until nginx works by that configuration.
    fn wait_for(&self, generation: u32) {
        let begin = Instant::now();
        let url = format!("http://127.0.0.1:{}/generation", self.port);
        while http::get(&url, None, ANSWER_LIMIT).map(|answer| answer.body) != Ok(generation.to_string()) {
            assert!(begin.elapsed() < Duration::from_secs(60), "nginx does not answer");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Checker {
    files: Files,
    pid: u32,
    machines: Vec<String>,
    inside: Arc<Mutex<Vec<String>>>,
}

impl Checker {
    fn run(&self, stop: &AtomicBool) {
        let mut failures = vec![0; self.machines.len()];
        let mut generation = 0;
        while !stop.load(Ordering::Relaxed) {
            for (count, address) in failures.iter_mut().zip(&self.machines) {
                let answer = http::get(&format!("http://{address}/healthz"), None, ANSWER_LIMIT);
                *count = if answer.is_ok_and(|answer| answer.status == 200) { 0 } else { *count + 1 };
            }
            let good = self.machines.iter().zip(&failures).filter(|(_, count)| **count < ATTEMPTS);
            let good: Vec<String> = good.map(|(address, _)| address.clone()).collect();
            if *self.inside.lock().unwrap() != good {
                generation += 1;
                self.files.write(generation, &good);
                run(Command::new("kill").args(["-HUP", &self.pid.to_string()]));
                self.files.wait_for(generation);
                self.wait_for_old_worker();
                *self.inside.lock().unwrap() = good;
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Until the worker of the configuration before is gone: as long as it is there, it may take a connection, too.
    fn wait_for_old_worker(&self) {
        let begin = Instant::now();
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        while fs::read_to_string(&children).unwrap().split_whitespace().count() != 1 {
            assert!(begin.elapsed() < Duration::from_secs(60), "nginx's worker of before does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
