//! Files of the app that look like secrets. Every user of the server can read what a package installs, and everybody can
//! read a package, so the user is warned.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is searched for a key, in bytes.
const SEARCHED: u64 = 64 * 1024;

/// Why a file looks like a secret; `None` when it does not.
pub(in crate::render) fn suspicion(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    if matches!(stem, "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519") && extension != "pub" {
        return Some("the name of a private SSH key");
    }
    match extension {
        "p12" | "pfx" | "jks" | "keystore" | "kdbx" | "ppk" | "key" => return Some("a name that stores of keys have"),
        "sqlite" | "sqlite3" | "db" | "db3" => return Some("a database with what was stored while it was tried out"),
        "env" => return Some("a file of environment variables"),
        _ => {}
    }
    if name == "env" || name.starts_with("env.") {
        return Some("a file of environment variables");
    }
    let telling = ["secret", "secrets", "credential", "credentials", "passwords", "client_secret", "service-account"];
    if telling.contains(&stem) && !matches!(extension, "py" | "html" | "js" | "css" | "sql") {
        return Some("a name that says so");
    }
    let text = ["pem", "crt", "cer", "txt", "json", "conf", "cfg", "ini", "toml", "yaml", "yml", ""];
    (text.contains(&extension) && has_private_key(path)).then_some("a private key is in it")
}

fn has_private_key(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SEARCHED).read_to_end(&mut text));
    read.is_ok() && String::from_utf8_lossy(&text).contains("PRIVATE KEY-----")
}
