//! A WebSocket through the rendered nginx site: nginx itself, before a server that answers the handshake and echoes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use support::ports::free_port;
use support::stack::rendered_file;

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_nginx(folder: &Path, port: u16) -> Nginx {
    let shown = folder.display();
    let site = rendered_file(folder, "/etc/nginx/sites-available/guest-book");
    let site = site.replace("listen [::]:80 default_server;", "").replace("listen [::]:80;", "");
    let site = site.replace("listen 80", &format!("listen 127.0.0.1:{port}"));
    let site = site.replace("/run/guest-book/guest-book.sock", &format!("{shown}/app.sock"));
    fs::write(folder.join("site"), site).unwrap();
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {shown}/{kind};"))
        .concat();
    let main = format!(
        "daemon off; master_process off; pid {shown}/pid; error_log stderr; events {{}} \
         http {{ access_log off; {folders} include {shown}/site; }}"
    );
    fs::write(folder.join("nginx.conf"), main).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf")).stdin(Stdio::null());
    let nginx = Nginx(nginx.spawn().expect("the package nginx-light is needed"));
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return nginx;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("nginx does not listen");
}

/// A server that answers a handshake with 101 and then echoes, and any other request with the head that it got.
fn serve(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let text = String::from_utf8_lossy(&head).to_lowercase();
                if text.contains("upgrade: websocket\r\n") && text.contains("connection: upgrade\r\n") {
                    let answer =
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
                    stream.write_all(answer.as_bytes()).unwrap();
                    let mut piece = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut piece) {
                        stream.write_all(&piece[..count]).unwrap();
                    }
                } else {
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
                    let _ = stream.write_all(format!("{answer}{text}").as_bytes());
                }
            });
        }
    });
}

fn request(port: u16, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("GET /chat HTTP/1.1\r\nHost: www.example.org\r\n{headers}\r\n").as_bytes()).unwrap();
    stream
}

#[test]
fn a_websocket_passes_and_no_other_protocol_does() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    serve(&folder.path().join("app.sock"));
    let _nginx = start_nginx(folder.path(), port);

    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut socket = request(port, &format!("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n{key}"));
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for text in [b"ping".as_slice(), b"pong"] {
        socket.write_all(text).unwrap();
        let mut echo = [0; 4];
        socket.read_exact(&mut echo).unwrap();
        assert_eq!(echo, text);
    }

    for headers in ["Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", ""] {
        let mut plain = request(port, &format!("{headers}X-End: 1\r\n"));
        let mut answer = String::new();
        let mut piece = [0; 4096];
        while !answer.contains("x-end: 1") {
            let count = plain.read(&mut piece).unwrap();
            assert!(count > 0, "{answer}");
            answer.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        assert!(!answer.contains("\nupgrade:") && !answer.contains("connection: upgrade"), "{answer}");
    }
}
