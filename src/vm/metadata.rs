//! Linode's metadata service, version 1, as cloud-init's Akamai data source and Linode's own clients meet it
//! (<https://techdocs.akamai.com/cloud-computing/docs/metadata-service-api>): an instance's identity,
//! network, keys and user data, for every client that fetches a token first. It listens on the loopback
//! address; QEMU connects 169.254.169.254 to it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::http::{Request, Response};

/// The longest life of a token: one day.
const LONGEST_EXPIRY_SECONDS: u64 = 86_400;

/// The most bytes that user data may have before it is encoded (Linode API, `metadata.user_data`).
pub const USER_DATA_LIMIT: usize = 65_535;

/// The instance, as the service describes it.
#[derive(Debug, Clone)]
pub struct EmulatedInstance {
    /// Number of the instance; also the serial number in the machine's DMI table.
    pub id: u32,
    pub label: String,
    /// The data centre, such as `nl-ams`.
    pub region: String,
    /// The plan, such as `g6-nanode-1`.
    pub plan: String,
    /// How much memory the machine has, in MiB.
    pub memory_mib: u32,
    pub cpus: u32,
    /// Size of the disks in MiB, swap included.
    pub disk_mib: u64,
    /// The user data, as the user wrote it.
    pub user_data: Vec<u8>,
    /// Public SSH keys for root. For private images Linode gives none here.
    pub ssh_keys: Vec<String>,
}

/// A running service. It ends when this is dropped.
pub struct MetadataServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Service {
    instance: EmulatedInstance,
    tokens: Mutex<HashMap<String, Instant>>,
}

impl MetadataServer {
    /// Starts the service on a free port of the loopback address.
    ///
    /// # Errors
    /// When there is no free port, or no thread can be started.
    pub fn start(instance: EmulatedInstance) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let service = Arc::new(Service { instance, tokens: Mutex::default() });
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("metadata".into()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let service = Arc::clone(&service);
                thread::spawn(move || service.serve(&stream));
            }
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// The address of the service.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetadataServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits for a connection, so it gets one.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

impl Service {
    /// Answers one connection. A client that has gone away is not an error.
    fn serve(&self, stream: &TcpStream) {
        let answer = match Request::read(stream) {
            Ok(request) => self.answer(&request),
            Err(_) => Response::text(400, "not a request\n"),
        };
        let _ = answer.write(stream);
    }

    fn answer(&self, request: &Request) -> Response {
        let json = request.header("accept").is_some_and(|accept| accept.contains("application/json"));
        match (request.method.as_str(), request.path.as_str()) {
            ("PUT", "/v1/token") => self.new_token(request, json),
            (_, "/v1/token") => Response::text(405, "use PUT\n"),
            ("GET", path @ ("/v1/instance" | "/v1/network" | "/v1/ssh-keys" | "/v1/user-data")) => {
                if !self.has_token(request) {
                    return Response::text(401, "the header Metadata-Token is missing, wrong or too old\n");
                }
                let value = match path {
                    "/v1/instance" => self.instance(),
                    "/v1/network" => network(),
                    "/v1/ssh-keys" => json!({"users": {"root": self.instance.ssh_keys}}),
                    _ => return Response::text(200, BASE64_STANDARD.encode(&self.instance.user_data)),
                };
                if json { Response::json(&value) } else { Response::text(200, as_text(&value)) }
            }
            (_, "/v1/instance" | "/v1/network" | "/v1/ssh-keys" | "/v1/user-data") => Response::text(405, "use GET\n"),
            _ => Response::text(404, "no such path\n"),
        }
    }

    fn new_token(&self, request: &Request, json: bool) -> Response {
        let expiry = request.header("metadata-token-expiry-seconds").and_then(|value| value.parse::<u64>().ok());
        let Some(seconds) = expiry.filter(|seconds| (1..=LONGEST_EXPIRY_SECONDS).contains(seconds)) else {
            return Response::text(400, "the header Metadata-Token-Expiry-Seconds must be 1 to 86400\n");
        };
        let mut random = [0; 32];
        if File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random)).is_err() {
            return Response::text(400, "there are no random numbers\n");
        }
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tokens.retain(|_, end| *end > now);
        let end = now.checked_add(Duration::from_secs(seconds)).unwrap_or(now);
        tokens.insert(token.clone(), end);
        if json { Response::json(&json!([token])) } else { Response::text(200, token) }
    }

    fn has_token(&self, request: &Request) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        request.header("metadata-token").and_then(|token| tokens.get(token)).is_some_and(|end| *end > Instant::now())
    }

    fn instance(&self) -> Value {
        let EmulatedInstance { id, label, region, plan, memory_mib, cpus, disk_mib, .. } = &self.instance;
        json!({
            "id": id, "label": label, "region": region, "type": plan, "tags": [],
            "host_uuid": "00000000000000000000000000000000",
            "specs": {"vcpus": cpus, "memory": memory_mib, "disk": disk_mib, "transfer": 1000, "gpus": 0},
            "backups": {"enabled": false, "status": null},
        })
    }
}

/// The addresses that QEMU's user network gives out (module `arguments`).
fn network() -> Value {
    json!({
        "interfaces": [],
        "ipv4": {"public": ["169.254.10.15/16"], "private": [], "shared": []},
        "ipv6": {"slaac": "", "link_local": "", "ranges": [], "shared_ranges": []},
    })
}

/// The service's plain text: one line for each value, such as `specs.vcpus: 1`. Empty values are left out.
fn as_text(value: &Value) -> String {
    let mut lines = Vec::new();
    flatten("", value, &mut lines);
    lines.sort();
    lines.concat()
}

fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, member, lines);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, lines)),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => lines.push(format!("{name}: {text}\n")),
        other => lines.push(format!("{name}: {other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_line_for_each_value() {
        // The layout of the service's documentation.
        let value =
            json!({"id": 5, "specs": {"gpus": 0, "disk": 51200}, "backups": {"enabled": false, "status": null}});
        assert_eq!(as_text(&value), "backups.enabled: false\nid: 5\nspecs.disk: 51200\nspecs.gpus: 0\n");
    }
}
