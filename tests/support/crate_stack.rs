//! A crate without dependencies that serves on the socket of systemd, with a stack.toml beside it: the kind `cargo`. cargo
//! compiles it in a second.

use std::fs;
use std::path::Path;

const CARGO: &str = r#"[package]
name = "shop"
version = "0.3.0"
edition = "2024"

[profile.release]
debug = "line-tables-only"

[package.metadata.deb]
depends = "$auto, ca-certificates"
assets = [
    ["target/release/shop", "usr/bin/", "755"],
    ["goods/*.txt", "usr/share/shop/goods/", "644"],
    ["prices.conf", "etc/shop/prices.conf", "644"],
]
systemd-units = { unit-name = "shop" }

[workspace]
"#;

/// `VERSION` is in each answer, and a line of a file that is relative to the working folder.
const PROGRAM: &str = r#"use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

extern "C" fn end(_signal: i32) {
    ASKED_TO_END.store(true, Ordering::Relaxed);
}

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

fn goods() -> String {
    std::fs::read_to_string("goods/lamp.txt").unwrap_or_else(|error| error.to_string())
}

fn main() {
    // SAFETY: the handler only stores a flag; 15 is SIGTERM. systemd hands over file descriptor 3, and nothing else here uses it.
    let listener = unsafe {
        signal(15, end);
        UnixListener::from_raw_fd(3)
    };
    listener.set_nonblocking(true).unwrap();
    // Connections that are not accepted wait in the socket for the next process.
    while !ASKED_TO_END.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let _ = stream.set_nonblocking(false);
        let _ = stream.read(&mut [0; 8192]);
        let body = format!("VERSION {}", goods());
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}
"#;

const STACK: &str = r#"[package]
name = "shop"
maintainer = "Jane Doe <jane@example.org>"
summary = "program in Rust that sells lamps"
license = "MIT"
compression = "none"

[app]
kind = "cargo"
command = "shop --all"

[[changelog]]
version = "VERSION"
date = 2026-11-26T10:00:00Z
changes = ["First release."]
"#;

/// Writes the project into `folder`. Its package has the name `shop`, and that version.
pub fn write(folder: &Path, version: &str) {
    let files = [
        ("Cargo.toml", CARGO.to_owned()),
        ("src/main.rs", PROGRAM.replace("VERSION", version)),
        ("stack.toml", STACK.replace("VERSION", version)),
        ("goods/lamp.txt", "a lamp\n".to_owned()),
        ("prices.conf", "lamp = 12\n".to_owned()),
    ];
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
